using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Options;

namespace MergeTasks.Language.Importance;

/// <summary>A file with texts or samples.</summary>
/// <param name="Label">As the user named it.</param>
/// <param name="Path">Full path.</param>
/// <param name="Location">Where the user named it.</param>
public sealed record DataFile(string Label, string Path, SourceLocation Location)
{
    /// <summary>The samples of a model's task.</summary>
    public static MergeOption OfTask { get; } = new(
        "TaskData", "", "task_data", new RecipeForm.Text(),
        "Samples of the model's task, for APL: .jsonl with {\"prompt\", \"target\"}, for classifiers {\"text\", \"label\"}.");

    /// <summary>How one is named.</summary>
    internal static OptionKind<DataFile?> Kind { get; } = new(
        new RecipeForm.Text(),
        (written, pathOf) => (new DataFile(written.Text, pathOf(written), written.Location), null),
        file => file?.Label ?? "");
}
