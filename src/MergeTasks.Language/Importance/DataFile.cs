using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Language.Importance;

/// <summary>A file with texts or samples.</summary>
/// <param name="Label">As the user named it.</param>
/// <param name="Path">Full path.</param>
/// <param name="Location">Where the user named it.</param>
internal sealed record DataFile(string Label, string Path, SourceLocation Location);
