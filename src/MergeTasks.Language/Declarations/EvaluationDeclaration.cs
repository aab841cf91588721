using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Importance;

namespace MergeTasks.Language.Declarations;

/// <summary>What a merge is measured on, and how good it must be.</summary>
/// <param name="Merge">Name of the merge.</param>
/// <param name="Data">JSONL texts or samples.</param>
/// <param name="Location">Where it is declared.</param>
internal sealed record EvaluationDeclaration(string Merge, DataFile Data, SourceLocation Location)
{
    /// <summary>Most tokens of a text; default 512.</summary>
    public int TokensPerText { get; init; } = 512;

    /// <summary>Smallest share of samples that must be answered exactly.</summary>
    public double? MinExactMatch { get; init; }

    /// <summary>Smallest share of right labels or choices.</summary>
    public double? MinAccuracy { get; init; }

    /// <summary>Largest perplexity.</summary>
    public double? MaxPerplexity { get; init; }

    /// <summary>How much worse than the base (without one, than the best model) the merge may be: a share of the perplexity, or of the samples.</summary>
    public double? MaxRegression { get; init; }
}
