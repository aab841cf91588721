using MergeTasks.Checkpoints.Elements;
using MergeTasks.Gguf.Format;

namespace MergeTasks.Language.Options;

/// <summary>
/// What a merge says of its output beside the models, the method and its parameters. <see cref="Options"/> has the defaults.
/// </summary>
internal abstract record MergeSettings
{
    /// <summary>The options in the order in which a recipe has them.</summary>
    public static IReadOnlyList<MergeOption<MergeSettings>> Options { get; } =
    [
        Row("DType", "dtype", OptionKind.DType.OrNone(), null,
            "Element type of the output; in compatibility mode also that of the arithmetic. Default: the base's own.",
            merge => merge.DType, (merge, value) => merge with { DType = value }),
        Row("OutDType", "out_dtype", OptionKind.DType.OrNone(), null,
            "Element type of the output where it differs from dtype.",
            merge => merge.OutDType, (merge, value) => merge with { OutDType = value }),
        Row("MaxShardSize", "", OptionKind.Size, 5_000_000_000,
            "Size of one weight file, such as 5GB or 512MiB; 0 for a single file.",
            merge => merge.MaxShardSize, (merge, value) => merge with { MaxShardSize = value }),
        Row("Seed", "", OptionKind.Seed, 0,
            "Seed of random masks.",
            merge => merge.Seed, (merge, value) => merge with { Seed = value }),
        Row("Compatibility", "", OptionKind.Choice(("none", false), ("mergekit", true)), false,
            "mergekit reproduces mergekit's rounding and random numbers.",
            merge => merge.IsMergekitCompatible, (merge, value) => merge with { IsMergekitCompatible = value }),
        Row("MergeTensors", "merge_tensors", OptionKind.Globs, [],
            "Globs of tensor names: only these are merged, the others are the base's.",
            merge =>
                merge.Tensors.Merged, (merge, value) =>
                    merge with { Tensors = merge.Tensors with { Merged = value } }, isProjectWide: false),
        Row("KeepTensors", "keep_tensors", OptionKind.Globs, [],
            "Globs of tensor names that are not merged but the base's.",
            merge =>
                merge.Tensors.Kept, (merge, value) => merge with { Tensors = merge.Tensors with { Kept = value } }, isProjectWide: false),
        Row("Strict", "strict", OptionKind.Flag, false,
            "Refuse models that lack tensors of the base, instead of taking those from the base.",
            merge => merge.IsStrict, (merge, value) => merge with { IsStrict = value }),
        Row("AcceptConfigDifferences", "accept_config_differences", OptionKind.Globs, [],
            "Keys of config.json in which the models may differ, because that is meant: neither warned of nor refused. * stands for any "
                + "letters.",
            merge =>
                merge.AcceptedConfigDifferences, (merge, value) => merge with { AcceptedConfigDifferences = value }, isProjectWide: false),
        Row("PostWeightsPosition", "post_weights_position", OptionKind.Whole(0, 1), 0,
            "Where gradients are evaluated for the final norm and the head: 0, their beginning (as mergekit does), or 1, their end.",
            merge => (int)merge.PostWeightsPosition, (merge, value) => merge with { PostWeightsPosition = value }, isProjectWide: false),
        Row("NonFinite", "", OptionKind.Choice(("error", false), ("keep", true)), false,
            "NaN or infinity in an input: an error, or merged like other numbers.",
            merge => merge.KeepsNonFinite, (merge, value) => merge with { KeepsNonFinite = value }),
        Row("RemoteCode", "", OptionKind.Choice(("copy", false), ("refuse", true)), false,
            "Python code that a model's auto_map names, which loaders may run: copied into the output with a warning, or an error. It is "
                + "never run here.",
            merge => merge.RefusesCode, (merge, value) => merge with { RefusesCode = value }),
        Row("HashWeights", "", OptionKind.Flag, false,
            "Whether the statement of provenance has the SHA-256 of the output's weight files.",
            merge => merge.HashesWeights, (merge, value) => merge with { HashesWeights = value }),
        Row("Export", "export", OptionKind.Choice(("none", false), ("gguf", true)), false,
            "What is written beside the model from its finished weights: gguf, a file of each GgufType for llama.cpp and what is built on it.",
            merge => merge.ExportsGguf, (merge, value) => merge with { ExportsGguf = value }),
        Row("GgufType", "gguf_type", OptionKind.GgufTypes, [GgufFileType.BF16],
            $"Kinds of GGUF files, separated by ';': {string.Join(", ", GgufFileType.All)}.",
            merge => merge.GgufTypes, (merge, value) => merge with { GgufTypes = value }),
        Row("SelfCheck", "self_check", OptionKind.Flag, true,
            "Keep half of the task data from scoring, and compare the merge with APL and AIM and without on it; "
            + "where a model has fewer than 8 samples, all are used for scoring.",
            merge => merge.ChecksItself, (merge, value) => merge with { ChecksItself = value }),
    ];

    /// <summary>
    /// Element type of the output unless <see cref="OutDType"/> says otherwise; in compatibility mode also that of the arithmetic.
    /// </summary>
    public DType? DType { get; init; }

    /// <summary>Element type of the output; default <see cref="DType"/>, else each tensor's own.</summary>
    public DType? OutDType { get; init; }

    /// <summary>Data bytes of one shard; 0 for a single file.</summary>
    public long MaxShardSize { get; init; }

    /// <summary>Seed of random masks.</summary>
    public long Seed { get; init; }

    /// <summary>Whether to reproduce mergekit's rounding and random numbers.</summary>
    public bool IsMergekitCompatible { get; init; }

    /// <summary>Which tensors are merged; the others are the base's.</summary>
    public TensorSelection Tensors { get; init; } = TensorSelection.All;

    /// <summary>Whether a tensor that some model lacks, or has in another shape, is an error; otherwise the base's is taken.</summary>
    public bool IsStrict { get; init; }

    /// <summary>Globs of configuration keys whose differences between the models are meant.</summary>
    public IReadOnlyList<string> AcceptedConfigDifferences { get; init; } = [];

    /// <summary>Where on a gradient the tensors after the layers (final norm, head) lie: 0 at its beginning, 1 at its end.</summary>
    public double PostWeightsPosition { get; init; }

    /// <summary>Whether code that a model brings is an error; otherwise it is copied with a warning.</summary>
    public bool RefusesCode { get; init; }

    /// <summary>Whether NaN and infinity in the inputs are merged like other numbers, and not refused.</summary>
    public bool KeepsNonFinite { get; init; }

    /// <summary>
    /// Whether the output's statement of provenance has the SHA-256 of the weight files, which costs reading them once more.
    /// </summary>
    public bool HashesWeights { get; init; }

    /// <summary>Whether the model is written as GGUF too.</summary>
    public bool ExportsGguf { get; init; }

    /// <summary>Kinds of GGUF files.</summary>
    public IReadOnlyList<GgufFileType> GgufTypes { get; init; } = [];

    /// <summary>
    /// Whether, where the merge's models have task data, half of it is kept from scoring, to compare the merge with AIM and APL and
    /// without.
    /// </summary>
    public bool ChecksItself { get; init; }

    private static MergeOption<MergeSettings, T> Row<T>(
        string metadata, string key, OptionKind<T> kind, T missing, string description,
        Func<MergeSettings, T> get, Func<MergeSettings, T, MergeSettings> set, bool isProjectWide = true) =>
        new(metadata, "", key, kind, missing, description, get, set) { IsProjectWide = isProjectWide };
}
