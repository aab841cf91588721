using System.CommandLine;
using MergeTasks.Caching;
using MergeTasks.Caching.Remote;
using MergeTasks.Library;
using MergeTasks.Merging.Looking;
using MergeTasks.Sources.Contract;
using MergeTasks.Tool.Terminal;

namespace MergeTasks.Tool.Commands;

/// <summary>Options of all commands that read models.</summary>
internal sealed class SharedOptions
{
    private readonly Option<int> _threads = new("--num-threads")
    {
        Description = "Threads; default: one for each core, at most 16.",
        HelpName = "n",
    };

    private readonly Option<bool> _offline = new("--offline") { Description = "Use no network: models must be on this machine." };

    private readonly Option<string?> _cache = new("--cache")
    {
        Description = $"Folder of digests and scores; default: {CacheFolder.EnvironmentVariable}, else the user's cache folder.",
        HelpName = "folder",
    };

    private readonly Option<string?> _cacheUrl = new("--cache-url")
    {
        Description = $"Address of a cache of scores that machines share; default: {RemoteSettings.UrlVariable}. none: no such cache.",
        HelpName = "url",
    };

    private readonly Option<bool?> _cacheReadOnly = new("--cache-read-only")
    {
        Description = $"Put nothing into that cache; default: {RemoteSettings.ReadOnlyVariable}.",
    };

    /// <summary>Adds the options to a command.</summary>
    public SharedOptions(Command command)
    {
        command.Options.Add(_threads);
        command.Options.Add(_offline);
        command.Options.Add(_cache);
    }

    /// <summary>Adds the options of the cache that machines share, for commands that run models.</summary>
    public void AddSharedCache(Command command)
    {
        command.Options.Add(_cacheUrl);
        command.Options.Add(_cacheReadOnly);
    }

    /// <summary>Address of the cache that machines share, where one is given.</summary>
    public string? CacheUrl(ParseResult parsed) => parsed.GetValue(_cacheUrl);

    /// <summary>Whether that is only read, where it is said.</summary>
    public bool? IsCacheReadOnly(ParseResult parsed) => parsed.GetValue(_cacheReadOnly);

    /// <summary>Threads; 0 for the default.</summary>
    public int Threads(ParseResult parsed) => parsed.GetValue(_threads);

    /// <summary>Whether the network is not used.</summary>
    public bool IsOffline(ParseResult parsed) => parsed.GetValue(_offline);

    /// <summary>The cache folder.</summary>
    public string Cache(ParseResult parsed, Streams streams) => CacheFolder.Resolve(
        parsed.GetValue(_cache) is { } own ? Path.GetFullPath(own, streams.Folder) : null, Environment.GetEnvironmentVariable);

    /// <summary>Opens a model to be looked at.</summary>
    public LookedModel Open(ParseResult parsed, Screen screen, string text, FileHasher? hasher, CancellationToken cancellation) =>
        LookedModel.Open(
            text,
            new RestoreOptions
            {
                ProjectFolder = screen.Streams.Folder,
                LockPath = "",
                CacheFolder = Cache(parsed, screen.Streams),
                Environment = Environment.GetEnvironmentVariable,
                Offline = IsOffline(parsed),
                SdkFolder = RunningSdk.Find(),
            },
            hasher,
            RestoreProgress.None,
            cancellation);
}
