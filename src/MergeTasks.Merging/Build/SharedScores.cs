using MergeTasks.Caching.Remote;
using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Merging.Build;

/// <summary>The cache of scores that machines share, as projects and command lines choose it.</summary>
internal static class SharedScores
{
    /// <summary>Where it is and how it is spoken to.</summary>
    /// <param name="url">The choice of an address; empty for that of the environment.</param>
    /// <param name="isReadOnly">The choice of whether it is only read; <see langword="null"/> for that of the environment.</param>
    /// <param name="environment">Reads an environment variable.</param>
    /// <param name="location">Where the address is written.</param>
    /// <returns><see langword="null"/> where none is wanted.</returns>
    /// <exception cref="DiagnosticException">What is chosen cannot be used.</exception>
    public static RemoteSettings? Settings(
        string? url, bool? isReadOnly, Func<string, string?> environment, SourceLocation? location)
    {
        try
        {
            return RemoteSettings.From(url, isReadOnly, environment);
        }
        catch (FormatException e)
        {
            throw new DiagnosticException(DiagnosticCode.InvalidValue, e.Message, location);
        }
    }

    /// <summary>The cache behind a connection.</summary>
    /// <param name="connection">What is known of the server.</param>
    /// <param name="warn">Hears of what is wrong, once for each kind and connection.</param>
    public static RemoteCache Of(RemoteConnection connection, Action<Diagnostic> warn) =>
        new(connection, problem => warn(FileDiagnostics.OfSharedCache(problem)));

    /// <summary>The cache that a command line and this process' environment choose.</summary>
    /// <inheritdoc cref="Settings"/>
    /// <inheritdoc cref="Of"/>
    public static RemoteCache? Open(string? url, bool? isReadOnly, Action<Diagnostic> warn) =>
        Settings(url, isReadOnly, Environment.GetEnvironmentVariable, null) is { } settings
            ? Of(new RemoteConnection(settings), warn)
            : null;
}
