using System.IO.Compression;
using System.Net;
using MergeTasks.Sources.Contract;
using MergeTasks.Sources.References;
using NuGet.Common;
using NuGet.Configuration;
using NuGet.Packaging.Core;
using NuGet.Packaging.Signing;
using NuGet.Protocol;
using NuGet.Protocol.Core.Types;
using NuGet.Versioning;

namespace MergeTasks.Sources.Packages;

/// <summary>One feed.</summary>
internal sealed class NuGetFeed(SourceRepository repository, ISettings settings, ILogger log, RestoreProgress progress)
{
    /// <summary>All versions of a package.</summary>
    /// <exception cref="SourceException">The feed does not answer.</exception>
    public Task<IEnumerable<NuGetVersion>> VersionsAsync(string id, CancellationToken cancellation) => GuardAsync(async () =>
    {
        using var cache = new SourceCacheContext { NoCache = true };
        var resource = await ResourceAsync(cancellation);
        return await resource.GetAllVersionsAsync(id, cache, log, cancellation);
    }, id, cancellation);

    /// <summary>Fetches a package and extracts it where restore would, with NuGet's own checks of names and signatures.</summary>
    /// <param name="id">The package.</param>
    /// <param name="version">Its version.</param>
    /// <param name="packages">NuGet's folder of packages.</param>
    /// <param name="freeSpace">Bytes left on the disk of a folder.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="SourceException">It cannot be had, or NuGet refuses it.</exception>
    public Task InstallAsync(string id, string version, string packages, Func<string, long?> freeSpace, CancellationToken cancellation) =>
        GuardAsync(async () =>
    {
        Directory.CreateDirectory(packages);
        var archive = Path.Combine(packages, $".mergetasks-{Guid.NewGuid():N}.nupkg");
        try
        {
            await using var file = new CountingFile(archive, progress);
            using var cache = new SourceCacheContext { NoCache = true, DirectDownload = true };
            var resource = await ResourceAsync(cancellation);
            if (!await resource.CopyNupkgToStreamAsync(id, NuGetVersion.Parse(version), file, cache, log, cancellation))
                throw new SourceException(
                    SourceError.NotFound, $"The feed '{repository.PackageSource.Name}' lists {id} {version} but does not give it.");
            file.Position = 0;
            RequireSpace(file, id, version, packages, freeSpace);
            using var result = await GlobalPackagesFolderUtility.AddPackageAsync(
                repository.PackageSource.Source,
                new PackageIdentity(id, NuGetVersion.Parse(version)),
                file,
                packages,
                Guid.Empty,
                ClientPolicyContext.GetClientPolicy(settings, log),
                log,
                cancellation);
            return true;
        }
        finally
        {
            File.Delete(archive);
        }
    }, id, cancellation);

    private async Task<FindPackageByIdResource> ResourceAsync(CancellationToken cancellation) =>
        await repository.GetResourceAsync<FindPackageByIdResource>(cancellation)
        ?? throw new SourceException(SourceError.Unavailable, $"The feed '{repository.PackageSource.Name}' does not give packages.");

    // Archives tell the size of their content, and NuGet would only notice a full disk.
    private static void RequireSpace(Stream archive, string id, string version, string packages, Func<string, long?> freeSpace)
    {
        using (var zip = new ZipArchive(archive, ZipArchiveMode.Read, leaveOpen: true))
        {
            var needed = zip.Entries.Sum(entry => (decimal)entry.Length) + archive.Length;
            if (freeSpace(packages) is { } free && free < needed)
                throw new SourceException(
                    SourceError.DiskSpace,
                    $"Extracting the package {id} {version} takes {needed:N0} bytes in '{packages}', but the disk has {free:N0} left.");
        }

        archive.Position = 0;
    }

    private async Task<T> GuardAsync<T>(Func<Task<T>> action, string id, CancellationToken cancellation)
    {
        try
        {
            return await action();
        }
        catch (Exception e) when (e is FatalProtocolException or HttpRequestException)
        {
            cancellation.ThrowIfCancellationRequested();
            throw Fault(e, id);
        }
        catch (Exception e) when (e is PackagingException or SignatureException or InvalidDataException)
        {
            throw new SourceException(
                SourceError.PackageRefused,
                $"NuGet refuses the package '{id}' of the feed '{repository.PackageSource.Name}': {SafeName.Quote(e.Message)}",
                e);
        }
    }

    private SourceException Fault(Exception e, string id)
    {
        var status = Chain(e).OfType<HttpRequestException>().Select(cause => cause.StatusCode).FirstOrDefault(code => code is not null);
        var feed = $"The feed '{repository.PackageSource.Name}'";
        return status is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden
            ? new(
                SourceError.Unauthorized,
                $"{feed} refuses access to '{id}' ({(int)status}). Add or renew its credentials in nuget.config, or through a credential "
                    + "provider.",
                e)
            : new(SourceError.Unavailable, $"{feed} does not give '{id}': {SafeName.Quote(Chain(e).Last().Message)}", e);
    }

    private static IEnumerable<Exception> Chain(Exception? e)
    {
        for (; e is not null; e = e.InnerException)
            yield return e;
    }

    /// <summary>Tells of the bytes written to it.</summary>
    private sealed class CountingFile(string path, RestoreProgress progress)
        : FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, bufferSize: 1 << 16, FileOptions.Asynchronous)
    {
        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            progress.Received(buffer.Length);
            return base.WriteAsync(buffer, cancellationToken);
        }

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        {
            progress.Received(count);
            return base.WriteAsync(buffer, offset, count, cancellationToken);
        }
    }
}
