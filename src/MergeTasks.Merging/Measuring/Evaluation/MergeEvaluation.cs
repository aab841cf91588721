using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Merging.Measuring.Evaluation;

/// <summary>A merge's measurement beside those of the models that it was made from.</summary>
/// <param name="Declaration">What was asked for.</param>
/// <param name="Merged">The merge's own.</param>
/// <param name="Models">The base's and the sources', in the order of the merge.</param>
internal sealed record MergeEvaluation(
    EvaluationDeclaration Declaration, Measurement Merged, IReadOnlyList<(string Model, bool IsBase, Measurement Result)> Models)
{
    /// <summary>The thresholds that the merge misses, as errors. What cannot be compared, because it is no number, misses.</summary>
    public IEnumerable<Diagnostic> Failures()
    {
        if (Declaration.MinExactMatch is { } exact && Merged.Measure == Measure.ExactMatch && !(Merged.Value >= exact))
            yield return Failure($"answers {Merged.Value:0.####} of the samples exactly; MinExactMatch is {exact}");
        if (Declaration.MinAccuracy is { } accuracy && Merged.Measure == Measure.Accuracy && !(Merged.Value >= accuracy))
            yield return Failure($"has the accuracy {Merged.Value:0.####}; MinAccuracy is {accuracy}");
        if (Declaration.MaxPerplexity is { } perplexity && Merged.Measure == Measure.Perplexity && !(Merged.Value <= perplexity))
            yield return Failure($"has the perplexity {Merged.Value:0.####}; MaxPerplexity is {perplexity}");
        if (Declaration.MaxRegression is { } regression
            && Reference is { } reference
            && Merged.WorseThan(reference.Result) is var worse
            && !(worse <= regression))
            yield return Failure(
                $"is worse than '{reference.Model}' by {worse:0.####} ({Merged.Value:0.####} against {reference.Result.Value:0.####}); MaxRegression is {regression}");
        foreach (var misplaced in Misplaced())
            yield return misplaced;
    }

    private (string Model, bool IsBase, Measurement Result)? Reference =>
        Models.Count == 0 ? null
            : Models.Any(model => model.IsBase) ? Models.First(model => model.IsBase)
            : Models.MinBy(model => model.Result.WorseThan(Merged));

    // A threshold on something that the file does not measure would pass whatever the merge does.
    private IEnumerable<Diagnostic> Misplaced() =>
        from threshold in new[]
        {
            ("MinExactMatch", Declaration.MinExactMatch, Measure.ExactMatch),
            ("MinAccuracy", Declaration.MinAccuracy, Measure.Accuracy),
            ("MaxPerplexity", Declaration.MaxPerplexity, Measure.Perplexity)
        }
        where threshold.Item2 is not null && threshold.Item3 != Merged.Measure
        select new Diagnostic(
            DiagnosticCode.InvalidValue,
            $"MergeEvaluation '{Declaration.Data.Label}' measures {Name(Merged.Measure)}, so {threshold.Item1} has nothing to test.",
            Declaration.Location);

    private Diagnostic Failure(FormattableString message) => new(DiagnosticCode.EvaluationFailed,
        $"Merge '{Declaration.Merge}', evaluated on "
            + $"'{Declaration.Data.Label}', {message.ToString(System.Globalization.CultureInfo.InvariantCulture)}.", Declaration.Location);

    /// <summary>A measure's name for people.</summary>
    public static string Name(Measure measure) => measure switch
    {
        Measure.Perplexity => "perplexity",
        Measure.ExactMatch => "exact match",
        _ => "accuracy",
    };
}
