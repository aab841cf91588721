using MergeTasks.Files;

namespace MergeTasks.Language.Diagnostics;

/// <summary>A place in a file that the user wrote.</summary>
/// <param name="File">Full path.</param>
/// <param name="Line">From 1; 0 where unknown.</param>
/// <param name="Column">From 1; 0 where unknown.</param>
internal sealed record SourceLocation(string File, int Line = 0, int Column = 0);

/// <summary>One finding about what the user wrote or gave.</summary>
/// <param name="Code">Which kind of finding it is.</param>
/// <param name="Message">What is wrong, of which merge or file, and what would be valid.</param>
/// <param name="Location">Where to look.</param>
/// <param name="IsWarning">Whether work can go on.</param>
internal sealed record Diagnostic(DiagnosticCode Code, string Message, SourceLocation? Location, bool IsWarning = false)
{
    // Messages quote names and values from files that may hold anything, also names of megabytes.
    private const int Longest = 4000;

    /// <summary>What is wrong, of which merge or file, and what would be valid: one line of bounded length.</summary>
    public string Message { get; } = MessageText.Shown(Message, Longest);
}
