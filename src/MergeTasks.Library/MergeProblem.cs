using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Library;

/// <summary>One finding about declarations, recipes or models.</summary>
/// <param name="Code">Such as <c>MTK1001</c>; never reused for anything else.</param>
/// <param name="Message">What is wrong, of which merge or file, and what would be valid; one line.</param>
/// <param name="File">Full path of the file to look at; <see langword="null"/> where none is known.</param>
/// <param name="Line">From 1; 0 where unknown.</param>
/// <param name="Column">From 1; 0 where unknown.</param>
/// <param name="IsWarning">Whether work can go on.</param>
public sealed record MergeProblem(string Code, string Message, string? File, int Line, int Column, bool IsWarning)
{
    /// <summary>The code's help page, of this version.</summary>
    public string HelpLink => DiagnosticCode.HelpLink(Code);

    /// <summary>As a compiler writes it: <c>file(line,column): error CODE: message</c>.</summary>
    public override string ToString()
    {
        var place = File is null ? "" : Line > 0 ? $"{File}({Line},{Column}): " : $"{File}: ";
        return $"{place}{(IsWarning ? "warning" : "error")} {Code}: {Message}";
    }

    internal static MergeProblem From(Diagnostic diagnostic) => new(
        diagnostic.Code,
        diagnostic.Message,
        diagnostic.Location?.File,
        diagnostic.Location?.Line ?? 0,
        diagnostic.Location?.Column ?? 0,
        diagnostic.IsWarning);
}

/// <summary>Work that cannot go on, with everything the user needs to mend. Nothing has been written.</summary>
public sealed class MergeException : Exception
{
    internal MergeException(DiagnosticException fault)
        : base(string.Join(Environment.NewLine, fault.Diagnostics.Select(MergeProblem.From)), fault) =>
        Problems = [.. fault.Diagnostics.Select(MergeProblem.From)];

    /// <summary>The findings, at least one.</summary>
    public IReadOnlyList<MergeProblem> Problems { get; }
}
