using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Importance;
using MergeTasks.Language.Options;

namespace MergeTasks.Language.Declarations;

/// <summary>What a merge is measured on, and how good it must be.</summary>
/// <param name="Merge">Name of the merge.</param>
/// <param name="Data">JSONL texts or samples.</param>
/// <param name="Location">Where it is declared.</param>
internal sealed record EvaluationDeclaration(string Merge, DataFile Data, SourceLocation Location)
{
    /// <summary>The options. Numbers that nobody gives are no thresholds.</summary>
    public static IReadOnlyList<MergeOption<EvaluationDeclaration>> Options { get; } =
    [
        Row("TokensPerText", OptionKind.Whole(1, 1 << 20), 512,
            "Most tokens of a text.",
            declared => declared.TokensPerText, (declared, value) => declared with { TokensPerText = value }),
        Row("MinExactMatch", OptionKind.Number(0, 1).OrNone(), null,
            "Share of samples that must be answered exactly.",
            declared => declared.MinExactMatch, (declared, value) => declared with { MinExactMatch = value }),
        Row("MinAccuracy", OptionKind.Number(0, 1).OrNone(), null,
            "Share of samples that must be answered rightly.",
            declared => declared.MinAccuracy, (declared, value) => declared with { MinAccuracy = value }),
        Row("MaxPerplexity", OptionKind.Number(1, double.MaxValue).OrNone(), null,
            "Largest perplexity.",
            declared => declared.MaxPerplexity, (declared, value) => declared with { MaxPerplexity = value }),
        Row("MaxRegression", OptionKind.Number(0, double.MaxValue).OrNone(), null,
            "How much worse than its base the merge may be: a share of the perplexity, or of the samples.",
            declared => declared.MaxRegression, (declared, value) => declared with { MaxRegression = value }),
    ];

    /// <summary>Most tokens of a text.</summary>
    public int TokensPerText { get; init; }

    /// <summary>Smallest share of samples that must be answered exactly.</summary>
    public double? MinExactMatch { get; init; }

    /// <summary>Smallest share of right labels or choices.</summary>
    public double? MinAccuracy { get; init; }

    /// <summary>Largest perplexity.</summary>
    public double? MaxPerplexity { get; init; }

    /// <summary>
    /// How much worse than the base (without one, than the best model) the merge may be: a share of the perplexity, or of the samples.
    /// </summary>
    public double? MaxRegression { get; init; }

    private static MergeOption<EvaluationDeclaration, T> Row<T>(
        string metadata, OptionKind<T> kind, T missing, string description,
        Func<EvaluationDeclaration, T> get, Func<EvaluationDeclaration, T, EvaluationDeclaration> set) =>
        new(metadata, "", "", kind, missing, description, get, set);
}
