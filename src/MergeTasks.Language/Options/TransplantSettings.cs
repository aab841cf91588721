namespace MergeTasks.Language.Options;

/// <summary>How rows are made for tokens that a model lacks, where it gets another model's tokenizer.</summary>
internal enum RowApproximation
{
    /// <summary>A sparse mixture of tokens that both have, by orthogonal matching pursuit.</summary>
    Omp,

    /// <summary>The nearest tokens that both have, weighted by the inverse of their distance.</summary>
    CommonInterpolation,

    /// <summary>The mean of the pieces into which the model's own tokenizer divides the token.</summary>
    Subword,

    /// <summary>The mean of all rows.</summary>
    Mean,

    /// <summary>Zeros.</summary>
    Zero,
}

/// <summary>How another model's tokenizer is put on a model.</summary>
internal sealed record TransplantSettings
{
    /// <summary>The options.</summary>
    public static IReadOnlyList<MergeOption<TransplantSettings>> Options { get; } =
    [
        new MergeOption<TransplantSettings, RowApproximation>(
            "Approximation", "", "approximation",
            OptionKind.Choice(
                ("omp", RowApproximation.Omp), ("common_interpolation", RowApproximation.CommonInterpolation),
                ("subword", RowApproximation.Subword), ("mean", RowApproximation.Mean), ("zero", RowApproximation.Zero)),
            RowApproximation.Omp,
            "Of a transplanted tokenizer, how rows are made for tokens that the model lacks: of tokens that both have (omp: a sparse mixture; "
                + "common_interpolation: the nearest), of pieces (subword), or the same for all (mean, zero).",
            settings => settings.Approximation, (settings, value) => settings with { Approximation = value }),
        new MergeOption<TransplantSettings, int>(
            "ApproximationTokens", "", "approximation_tokens", OptionKind.Whole(1), 64,
            "Of how many tokens that both have such a row is made, at most.",
            settings => settings.Tokens, (settings, value) => settings with { Tokens = value }),
    ];

    /// <summary>How rows are made.</summary>
    public RowApproximation Approximation { get; init; }

    /// <summary>Of how many tokens, at most; at least 1.</summary>
    public int Tokens { get; init; }
}
