using MergeTasks.Merging.Measuring.Evaluation;

namespace MergeTasks.Library;

/// <summary>What one model scores on one file of texts or samples.</summary>
/// <param name="Merge">The merge that is evaluated.</param>
/// <param name="Data">The file, as it was named.</param>
/// <param name="Model">The merge itself, its base or one of its sources.</param>
/// <param name="Measure"><c>perplexity</c> (smaller is better), <c>exact match</c> or <c>accuracy</c> (shares of the samples).</param>
/// <param name="Value">The measure's value.</param>
/// <param name="LogProbability">Mean ln p of a token of the texts, or of the right answers.</param>
/// <param name="Count">Tokens of the texts, or samples.</param>
public sealed record MergeFigures(string Merge, string Data, string Model, string Measure, double Value, double LogProbability, long Count)
{
    internal static IEnumerable<MergeFigures> From(MergeEvaluation evaluation) =>
        evaluation.Models
            .Select(model => (model.Model, model.Result))
            .Prepend((evaluation.Declaration.Merge, evaluation.Merged))
            .Select(model => new MergeFigures(
            evaluation.Declaration.Merge, evaluation.Declaration.Data.Label, model.Item1, MergeEvaluation.Name(model.Item2.Measure),
            model.Item2.Value, model.Item2.LogProbability, model.Item2.Count));
}
