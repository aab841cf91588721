using MergeTasks.Caching;

namespace MergeTasks.Sources.Contract;

/// <summary>How models are restored.</summary>
internal sealed record RestoreOptions
{
    /// <summary>Folder of the project, where NuGet looks for its configuration first.</summary>
    public required string ProjectFolder { get; init; }

    /// <summary>Full path of the lock file.</summary>
    public required string LockPath { get; init; }

    /// <summary>The user's cache folder, which remembers hashes of files.</summary>
    public required string CacheFolder { get; init; }

    /// <summary>Reads an environment variable (a build may have its own environment).</summary>
    public required Func<string, string?> Environment { get; init; }

    /// <summary>Resolves every reference anew and writes a new lock file.</summary>
    public bool Update { get; init; }

    /// <summary>Fails where the lock file would have to change.</summary>
    public bool LockedMode { get; init; }

    /// <summary>Never uses the network.</summary>
    public bool Offline { get; init; }

    /// <summary>NuGet's folder of extracted packages; <see langword="null"/> for what its configuration says.</summary>
    public string? PackagesFolder { get; init; }

    /// <summary>The NuGet configuration file that the project names; <see langword="null"/> for the usual ones.</summary>
    public string? NuGetConfig { get; init; }

    /// <summary>Full path of what NuGet's restore wrote for the project, whose feeds are used; <see langword="null"/>: none.</summary>
    public string? AssetsFile { get; init; }

    /// <summary>Feeds instead of those of NuGet's configuration, where restore has not written which it used.</summary>
    public IReadOnlyList<string> Sources { get; init; } = [];

    /// <summary>Feeds beside these.</summary>
    public IReadOnlyList<string> MoreSources { get; init; } = [];

    /// <summary>Folder of the SDK whose NuGet client is used; <see langword="null"/> where it is this process's own.</summary>
    public string? SdkFolder { get; init; }

    /// <summary>Called if the cache folder cannot be written, with the reason.</summary>
    public Action<string>? CacheUnwritable { get; init; }

    /// <summary>Files that are fetched at the same time.</summary>
    internal int Parallelism { get; init; } = 4;

    /// <summary>Wait before the second attempt; it doubles from one to the next.</summary>
    internal TimeSpan RetryDelay { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Silence of a server that counts as a lost connection.</summary>
    internal TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Bytes left on the disk of a folder.</summary>
    internal Func<string, long?> FreeSpace { get; init; } = Caching.FreeSpace.Of;
}
