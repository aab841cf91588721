using MergeTasks.Sources.Contract;
using MergeTasks.Sources.References;
using NuGet.Common;
using NuGet.Configuration;
using NuGet.Credentials;
using NuGet.Protocol;
using NuGet.Protocol.Core.Types;
using NuGet.Versioning;

namespace MergeTasks.Sources.Packages;

/// <summary>
/// The feeds of the user's NuGet configuration, seen through the SDK's own client: credentials and their providers, proxies and source
/// mapping are NuGet's business. Nothing of this class may be touched before <see cref="SdkAssemblies.LoadFrom"/>.
/// </summary>
internal sealed class NuGetFeeds
{
    private readonly ISettings _settings;
    private readonly ILogger _log;
    private readonly RestoreProgress _progress;
    private readonly PackageSourceMapping _mapping;
    private readonly List<SourceRepository> _feeds;

    public NuGetFeeds(RestoreOptions options, RestoreProgress progress)
    {
        _progress = progress;
        _log = new NuGetLog(progress);
        _settings = Settings(options);
        _mapping = PackageSourceMapping.GetPackageSourceMapping(_settings);
        var choice = new FeedChoice(options, [.. global::NuGet.Configuration.PackageSourceProvider.LoadPackageSources(_settings)]);
        _feeds = [.. choice.Feeds().Select(source => Repository.Factory.GetCoreV3(source))];
        DefaultCredentialServiceUtility.SetupDefaultCredentialService(_log, nonInteractive: true);
    }

    /// <summary>NuGet's folder of packages by its configuration.</summary>
    public static string PackagesFolder(RestoreOptions options) => SettingsUtility.GetGlobalPackagesFolder(Settings(options));

    /// <summary>The version that an exact reference means, in NuGet's normal form.</summary>
    public static string? ExactVersion(PackageReference package) =>
        package.IsExact ? NuGetVersion.Parse(package.Version).ToNormalizedString() : null;

    /// <summary>Finds the version that a reference means, and a feed that has it.</summary>
    /// <param name="package">The reference.</param>
    /// <param name="locked">The locked version; <see langword="null"/> to choose one.</param>
    /// <param name="cancellation">Ends the search.</param>
    /// <exception cref="SourceException">No feed has one, or feeds do not answer.</exception>
    public async Task<(string Version, NuGetFeed Feed)> FindAsync(PackageReference package, string? locked, CancellationToken cancellation)
    {
        var range = Range(package, locked);
        var exact = locked is not null || package.IsExact;
        var found = new List<(NuGetVersion Version, NuGetFeed Feed)>();
        var faults = new List<SourceException>();
        foreach (var repository in FeedsOf(package.Id))
        {
            var feed = new NuGetFeed(repository, _settings, _log, _progress);
            try
            {
                found.AddRange((await feed.VersionsAsync(package.Id, cancellation)).Select(version => (version, feed)));
            }
            catch (SourceException e)
            {
                faults.Add(e);
            }

            if (exact && found.Any(candidate => range.Satisfies(candidate.Version)))
                break;
        }

        // A range could mean another version if every feed had answered.
        var best = faults.Count > 0 && !exact ? null : range.FindBestMatch(found.Select(candidate => candidate.Version));
        if (best is not null)
            return (best.ToNormalizedString(), found.First(candidate => candidate.Version == best).Feed);
        throw faults.FirstOrDefault() ?? new SourceException(SourceError.NotFound,
            found.Count == 0 ? $"No feed has the package '{package.Id}'. Feeds: {Names(package.Id)}."
            : $"The package '{package.Id}' has no version {locked ?? package.Version}. "
                + $"Versions: {string.Join(", ", found.Select(candidate => candidate.Version).Distinct().OrderDescending().Take(10))}. "
                + $"Feeds: {Names(package.Id)}.");
    }

    private static ISettings Settings(RestoreOptions options)
    {
        try
        {
            return options.NuGetConfig is { } config
                ? global::NuGet.Configuration.Settings.LoadSpecificSettings(Path.GetDirectoryName(config), Path.GetFileName(config))
                : global::NuGet.Configuration.Settings.LoadDefaultSettings(options.ProjectFolder);
        }
        catch (NuGetConfigurationException e)
        {
            throw new SourceException(SourceError.PackageRefused, $"NuGet's configuration cannot be used: {e.Message}", e);
        }
    }

    private static VersionRange Range(PackageReference package, string? locked)
    {
        var text = locked ?? (package.IsExact ? package.Version : null);
        if (text is not null && NuGetVersion.TryParse(text, out var version))
            return new VersionRange(version, includeMinVersion: true, version, includeMaxVersion: true);
        return VersionRange.TryParse(package.Version, out var range) ? range
            : throw new SourceException(
                SourceError.BadReference,
                $"'{package.Key}': '{package.Version}' is neither a version nor a range of versions that NuGet knows.");
    }

    private List<SourceRepository> FeedsOf(string id)
    {
        if (!_mapping.IsEnabled)
            return _feeds;
        var mapped = _mapping.GetConfiguredPackageSources(id);
        return _feeds.FindAll(feed => mapped.Contains(feed.PackageSource.Name, StringComparer.OrdinalIgnoreCase));
    }

    private string Names(string id) =>
        FeedsOf(id) is { Count: > 0 } feeds ? string.Join(", ", feeds.Select(feed => feed.PackageSource.Name))
        : _mapping.IsEnabled ? "none, because the package source mapping names none for it" : "none";
}

/// <summary>What the NuGet client has to say, as far as a reader of the log may want to know it.</summary>
internal sealed class NuGetLog(RestoreProgress progress) : LoggerBase(LogLevel.Minimal)
{
    public override void Log(ILogMessage message)
    {
        if (message.Level >= LogLevel.Warning)
            progress.Note($"NuGet: {message.Message}");
    }

    public override Task LogAsync(ILogMessage message)
    {
        Log(message);
        return Task.CompletedTask;
    }
}
