using MergeTasks.Caching;
using MergeTasks.Sources.Contract;
using MergeTasks.Sources.Locking;
using MergeTasks.Sources.References;

namespace MergeTasks.Sources.Packages;

/// <summary>Models in NuGet packages, which the SDK's own client fetches into NuGet's own folder.</summary>
internal sealed class PackageSource(RestoreOptions options, bool isOffline, FileSha256 hashes, RestoreProgress progress) : IModelSource
{
    private bool IsOffline => options.Offline || isOffline;

    public void Dispose()
    {
    }

    public async Task<PendingModel> PrepareAsync(ModelReference reference, LockedModel? locked, CancellationToken cancellation)
    {
        var package = (PackageReference)reference;
        SdkAssemblies.LoadFrom(options.SdkFolder);
        var packages = options.PackagesFolder ?? NuGetFeeds.PackagesFolder(options);
        if ((locked?.Resolved ?? NuGetFeeds.ExactVersion(package)) is { } known
            && new PackageFolder(packages, package.Id, known) is { Exists: true } there)
            return new PendingModel(package, [], token => CompleteAsync(package, there, known, locked, token));
        if (IsOffline)
        {
            throw new SourceException(SourceError.Offline,
                $"'{package.Key}' is not on this machine ('{packages}'), and the network may not be used (ModelsOffline, "
                    + $"HF_HUB_OFFLINE); missing: the package {package.Id} {locked?.Resolved ?? package.Version}.");
        }

        var feeds = new NuGetFeeds(options, progress);
        var (version, feed) = await feeds.FindAsync(package, locked?.Resolved, cancellation);
        var folder = new PackageFolder(packages, package.Id, version);
        if (!package.IsExact && locked is null)
            progress.Note($"{package.Key} is version {version}.");
        var file = new PendingFile(folder.Folder, 0, token => feed.InstallAsync(package.Id, version, packages, options.FreeSpace, token));
        return new PendingModel(package, folder.Exists ? [] : [file], token => CompleteAsync(package, folder, version, locked, token));
    }

    private async Task<RestoredModel> CompleteAsync(
        PackageReference package, PackageFolder folder, string version, LockedModel? locked, CancellationToken cancellation)
    {
        var contentHash = folder.ContentHash();
        if (locked?.ContentHash is { } expected && contentHash != expected)
        {
            throw new SourceException(SourceError.LockedFileChanged,
                $"The package of '{package.Key}' is not the locked one: {LockFile.FileName} has the content hash {expected}, "
                + $"'{folder.Folder}' has {contentHash ?? "none"}. "
                + "A version that was published twice, or a feed that cannot be trusted? Delete that folder and build again to fetch it "
                + "anew; -p:UpdateModels=true takes what is there.");
        }

        var model = folder.ModelFolder(package.Model);
        var what = $"The package '{package.Id}' {version}";
        if (locked is not null)
        {
            if (locked.Files.Keys.FirstOrDefault(name => !File.Exists(Path.Combine(model, name))) is { } missing)
                throw new SourceException(
                    SourceError.LockedFileChanged,
                    $"{what} lacks '{missing}', which {LockFile.FileName} names. Delete '{folder.Folder}' and build again to fetch it "
                        + "anew.");
            await LockedFiles.CheckAsync(package.Key, locked, name => Path.Combine(model, name), hashes, cancellation);
            return new RestoredModel(package.Key, model, locked);
        }

        var files = await LockedFiles.HashAsync(PackageFolder.Files(model, what), name => Path.Combine(model, name), hashes, cancellation);
        return new RestoredModel(package.Key, model, new LockedModel(PackageScheme.Type, version, files) { ContentHash = contentHash });
    }
}
