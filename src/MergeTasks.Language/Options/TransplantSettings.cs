namespace MergeTasks.Language.Options;

/// <summary>How rows are made for tokens that a model lacks, where it gets another model's tokenizer.</summary>
internal enum RowApproximation
{
    /// <summary>A sparse mixture of tokens that both have, by orthogonal matching pursuit.</summary>
    Omp,

    /// <summary>The nearest tokens that both have, by one of the <see cref="NeighbourWeights"/>.</summary>
    CommonInterpolation,

    /// <summary>The pieces into which the model's own tokenizer divides the token, by one of the <see cref="PieceCombination"/>s.</summary>
    Subword,

    /// <summary>The mean of all rows.</summary>
    Mean,

    /// <summary>Zeros.</summary>
    Zero,

    /// <summary>The rotation between the principal components of both tables that brings the tokens that both have nearest.</summary>
    LandmarkPca,

    /// <summary>Coordinates in a basis of sparse mixtures of tokens that both have.</summary>
    SparseTokenBasis,

    /// <summary>Matching pursuit over tokens that both have, each turned as rotary positions turn it.</summary>
    MatchingPursuitRope,

    /// <summary>Draws from the normal distribution with the mean and covariance of all rows.</summary>
    JohnHewitt,

    /// <summary>Draws from the standard normal distribution.</summary>
    Randn,
}

/// <summary>How near tokens count in a mixture of them.</summary>
internal enum NeighbourWeights
{
    /// <summary>By the inverse of their distance; where angles are compared, by their cosine.</summary>
    Distance,

    /// <summary>By least squares, with weights whose sum is 1.</summary>
    Barycentric,

    /// <summary>By least squares.</summary>
    LeastSquares,
}

/// <summary>How a row is made of the rows of pieces.</summary>
internal enum PieceCombination
{
    /// <summary>Their mean.</summary>
    Mean,

    /// <summary>Their sum.</summary>
    Sum,

    /// <summary>Their mean with weights n, n − 1, …, 1 in embeddings and 1, 2, …, n in the head.</summary>
    WeightedMean,

    /// <summary>The last piece's in embeddings, the first one's in the head.</summary>
    FirstLast,
}

/// <summary>In which of the tables of a vocabulary something is done.</summary>
[Flags]
internal enum VocabularyTables
{
    /// <summary>In none.</summary>
    None = 0,

    /// <summary>In the embeddings.</summary>
    Embeddings = 1,

    /// <summary>In the head.</summary>
    Head = 2,

    /// <summary>In both.</summary>
    Both = 3,
}

/// <summary>How another model's tokenizer is put on a model.</summary>
internal sealed record TransplantSettings
{
    private static readonly OptionKind<VocabularyTables> Tables = OptionKind.Choice(
        ("no", VocabularyTables.None), ("yes", VocabularyTables.Both), ("embed", VocabularyTables.Embeddings),
        ("lm_head", VocabularyTables.Head));

    /// <summary>The options.</summary>
    public static IReadOnlyList<MergeOption<TransplantSettings>> Options { get; } =
    [
        new MergeOption<TransplantSettings, RowApproximation>(
            "Approximation", "", "approximation",
            OptionKind.Choice(
                ("omp", RowApproximation.Omp), ("common_interpolation", RowApproximation.CommonInterpolation),
                ("subword", RowApproximation.Subword), ("mean", RowApproximation.Mean), ("zero", RowApproximation.Zero),
                ("landmark_pca", RowApproximation.LandmarkPca), ("stb", RowApproximation.SparseTokenBasis),
                ("mp_rope", RowApproximation.MatchingPursuitRope), ("john_hewitt", RowApproximation.JohnHewitt),
                ("randn", RowApproximation.Randn)),
            RowApproximation.Omp,
            "Of a transplanted tokenizer, how rows are made for tokens that the model lacks: of tokens that both have (omp, stb, mp_rope: "
                + "sparse mixtures; common_interpolation: the nearest; landmark_pca: a rotation), of pieces (subword), the same for all "
                + "(mean, zero), or random (john_hewitt: distributed as the model's rows; randn).",
            settings => settings.Approximation, (settings, value) => settings with { Approximation = value }),
        new MergeOption<TransplantSettings, int>(
            "ApproximationTokens", "", "approximation_tokens", OptionKind.Whole(1), 64,
            "Of how many tokens that both have such a row is made, at most.",
            settings => settings.Tokens, (settings, value) => settings with { Tokens = value }),
        new MergeOption<TransplantSettings, NeighbourWeights>(
            "WeightScheme", "", "weight_scheme",
            OptionKind.Choice(
                ("distance_proportional", NeighbourWeights.Distance), ("barycentric", NeighbourWeights.Barycentric),
                ("least_squares", NeighbourWeights.LeastSquares)),
            NeighbourWeights.Distance,
            "With common_interpolation, how near tokens are weighted: by the inverse of their distance, or by least squares with "
                + "(barycentric) or without weights whose sum is 1.",
            settings => settings.Weights, (settings, value) => settings with { Weights = value }),
        new MergeOption<TransplantSettings, bool>(
            "CosineSimilarity", "", "cosine_similarity", OptionKind.Flag, false,
            "With common_interpolation, whether the nearest tokens are those with the smallest angle.",
            settings => settings.ComparesAngles, (settings, value) => settings with { ComparesAngles = value }),
        new MergeOption<TransplantSettings, PieceCombination>(
            "SubwordMethod", "", "subword_method",
            OptionKind.Choice(
                ("mean", PieceCombination.Mean), ("sum", PieceCombination.Sum), ("weighted_mean", PieceCombination.WeightedMean),
                ("first_last", PieceCombination.FirstLast)),
            PieceCombination.Mean,
            "With subword, how a row is made of the pieces' rows.",
            settings => settings.Pieces, (settings, value) => settings with { Pieces = value }),
        new MergeOption<TransplantSettings, VocabularyTables>(
            "ByteMatch", "", "byte_match", Tables, VocabularyTables.Both,
            "Of a transplanted tokenizer, in which tables tokens are the same that stand for the same bytes and are written differently.",
            settings => settings.ByteMatch, (settings, value) => settings with { ByteMatch = value }),
        new MergeOption<TransplantSettings, VocabularyTables>(
            "PrefixMatch", "", "prefix_match", Tables, VocabularyTables.None,
            "Of a transplanted tokenizer, in which tables a token that the model lacks gets the row of the longest token that it begins "
                + "with.",
            settings => settings.PrefixMatch, (settings, value) => settings with { PrefixMatch = value }),
        new MergeOption<TransplantSettings, bool>(
            "Magikarp", "", "magikarp", OptionKind.Flag, false,
            "Of a transplanted tokenizer, whether tokens that look untrained (arXiv 2405.05417) count as missing, and get zeros where both "
                + "models' do.",
            settings => settings.LeavesUntrained, (settings, value) => settings with { LeavesUntrained = value }),
        new MergeOption<TransplantSettings, double>(
            "NewVocabNoise", "", "new_vocab_noise", OptionKind.Number(0, double.MaxValue), 0,
            "Of a transplanted tokenizer, the standard deviation of normal noise that is added to rows that are made.",
            settings => settings.Noise, (settings, value) => settings with { Noise = value }),
        new MergeOption<TransplantSettings, double>(
            "NewVocabScale", "", "new_vocab_scale", OptionKind.Number(0, double.MaxValue), 1,
            "Of a transplanted tokenizer, what rows that are made are multiplied by, after noise.",
            settings => settings.Scale, (settings, value) => settings with { Scale = value }),
    ];

    /// <summary>How rows are made.</summary>
    public RowApproximation Approximation { get; init; }

    /// <summary>Of how many tokens, at most; at least 1.</summary>
    public int Tokens { get; init; }

    /// <summary>How the nearest tokens count.</summary>
    public NeighbourWeights Weights { get; init; }

    /// <summary>Whether the nearest tokens are those with the smallest angle.</summary>
    public bool ComparesAngles { get; init; }

    /// <summary>How a row is made of pieces.</summary>
    public PieceCombination Pieces { get; init; }

    /// <summary>In which tables tokens are compared by their bytes.</summary>
    public VocabularyTables ByteMatch { get; init; }

    /// <summary>In which tables a missing token gets the row of the longest token that it begins with.</summary>
    public VocabularyTables PrefixMatch { get; init; }

    /// <summary>Whether tokens that look untrained count as missing.</summary>
    public bool LeavesUntrained { get; init; }

    /// <summary>Standard deviation of the noise that is added to made rows; at least 0.</summary>
    public double Noise { get; init; }

    /// <summary>What made rows are multiplied by.</summary>
    public double Scale { get; init; }

    /// <summary>Whether rows depend on the merge's seed.</summary>
    public bool IsRandom => Approximation is RowApproximation.JohnHewitt or RowApproximation.Randn || Noise > 0;
}
