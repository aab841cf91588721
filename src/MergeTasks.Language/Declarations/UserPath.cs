using MergeTasks.Files;
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
        InputFile.WhyNoPath(text) is { } why
            ? throw new DiagnosticException(DiagnosticCode.InvalidValue, $"'{MessageText.Shown(text)}' is no path: {why}.", location())
            : Path.GetFullPath(Path.Combine(folder, text.Replace('\\', '/')));
}
