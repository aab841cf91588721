using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Merging.Tests.Importance;

/// <summary>Keeps what a build says.</summary>
internal sealed class Listener : MergeProgress
{
    public List<Diagnostic> Warnings { get; } = [];

    public List<string> Notes { get; } = [];

    public List<string> Scores { get; } = [];

    public override void Warn(Diagnostic warning) => Warnings.Add(warning);

    public override void Note(string message) => Notes.Add(message);

    public override void Scoring(string model, string phase, long tokens, string cost) => Scores.Add($"{model}: {phase}");
}
