using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Language.Declarations;

/// <summary>Paths as users write them: relative to something, with either separator.</summary>
internal static class UserPath
{
    /// <summary>The full path.</summary>
    /// <param name="folder">Where a relative one begins.</param>
    /// <param name="text">As written.</param>
    /// <param name="location">Where it is written.</param>
    /// <exception cref="DiagnosticException">No file or folder can have that name.</exception>
    public static string Full(string folder, string text, Func<SourceLocation> location) =>
        text.Contains('\0', StringComparison.Ordinal)
            ? throw new DiagnosticException(DiagnosticCode.InvalidValue, $"'{text}' is no path: it holds a NUL character.", location())
            : Path.GetFullPath(Path.Combine(folder, text.Replace('\\', '/')));
}
