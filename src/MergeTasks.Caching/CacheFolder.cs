namespace MergeTasks.Caching;

/// <summary>Where the user's cache lies.</summary>
internal static class CacheFolder
{
    /// <summary>The environment variable that moves the cache.</summary>
    public const string EnvironmentVariable = "MERGETASKS_CACHE";

    /// <summary>
    /// The explicit path if given, else <c>MERGETASKS_CACHE</c>, else <c>$XDG_CACHE_HOME/mergetasks</c>,
    /// else <c>%LocalAppData%\MergeTasks\Cache</c>, <c>~/Library/Caches/mergetasks</c> or <c>~/.cache/mergetasks</c> by platform.
    /// </summary>
    /// <param name="path">The project's choice; empty for none.</param>
    /// <param name="environment">Reads an environment variable (a build may have its own environment).</param>
    public static string Resolve(string? path, Func<string, string?> environment)
    {
        if (!string.IsNullOrEmpty(path))
            return path;
        if (environment(EnvironmentVariable) is { Length: > 0 } chosen)
            return chosen;
        if (environment("XDG_CACHE_HOME") is { Length: > 0 } xdg && Path.IsPathFullyQualified(xdg))
            return Path.Combine(xdg, "mergetasks");
        if (OperatingSystem.IsWindows())
            return Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData), "MergeTasks", "Cache");
        var home = environment("HOME") is { Length: > 0 } set ? set : Path.GetTempPath();
        return OperatingSystem.IsMacOS()
            ? Path.Combine(home, "Library", "Caches", "mergetasks")
            : Path.Combine(home, ".cache", "mergetasks");
    }
}
