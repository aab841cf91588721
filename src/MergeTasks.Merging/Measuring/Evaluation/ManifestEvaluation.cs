using System.Globalization;
using System.Text;

namespace MergeTasks.Merging.Measuring.Evaluation;

/// <summary>An evaluation in the manifest.</summary>
/// <param name="Data">The texts or samples, as the user named them.</param>
/// <param name="Of">Digest of the keys of the tensors that were evaluated: with other tensors it says nothing any more.</param>
/// <param name="Results">The merge's result first, then those of its base and sources.</param>
internal sealed record ManifestEvaluation(string Data, string Of, IReadOnlyList<ManifestResult> Results)
{
    /// <summary>Describes an evaluation.</summary>
    internal static ManifestEvaluation From(MergeEvaluation evaluation, string of) => new(
        evaluation.Declaration.Data.Label, of,
        [
            ManifestResult.From(evaluation.Declaration.Merge, "merge", evaluation.Merged),
            .. evaluation.Models.Select(model => ManifestResult.From(model.Model, model.IsBase ? "base" : "model", model.Result)),
        ]);

    /// <summary>The model card's section; empty without evaluations.</summary>
    internal static string Card(IReadOnlyList<ManifestEvaluation>? evaluations)
    {
        if (evaluations is not { Count: > 0 })
            return "";
        var card = new StringBuilder("## Evaluation\n\n| data | model | measure | value | mean ln p |\n|---|---|---|---|---|\n");
        foreach (var evaluation in evaluations)
        {
            foreach (var result in evaluation.Results)
                card.Append(
                    CultureInfo.InvariantCulture,
                    $"| {evaluation.Data} | `{result.Model}`{(result.Role == "model" ? "" : $" ({result.Role})")} | {result.Measure} "
                        + $"| {result.Value:0.0000} | {result.MeanLogProbability:0.0000} |\n");
        }

        return card.Append('\n').ToString();
    }

    /// <summary>Whether everything is there; a manifest edited by hand may lack it.</summary>
    internal bool IsComplete =>
        Data is not null
            && Of is not null
            && Results is not null
            && Results.All(result => result is { Model: not null, Role: not null, Measure: not null });
}

/// <summary>One model's result.</summary>
/// <param name="Model">The model.</param>
/// <param name="Role"><c>merge</c>, <c>base</c> or <c>model</c>.</param>
/// <param name="Measure"><c>perplexity</c>, <c>exact match</c> or <c>accuracy</c>.</param>
/// <param name="Value">Its value.</param>
/// <param name="MeanLogProbability">Mean ln p of a token, or of the right answers.</param>
/// <param name="Count">Tokens or samples.</param>
internal sealed record ManifestResult(string Model, string Role, string Measure, double Value, double MeanLogProbability, long Count)
{
    /// <summary>The standard error of <see cref="MeanLogProbability"/>; absent where it is not known.</summary>
    public double? StandardError { get; init; }

    internal static ManifestResult From(string model, string role, Measurement result) =>
        new(model, role, MergeEvaluation.Name(result.Measure), result.Value, result.LogProbability, result.Count)
        {
            StandardError = double.IsFinite(result.StandardError) ? result.StandardError : null,
        };
}
