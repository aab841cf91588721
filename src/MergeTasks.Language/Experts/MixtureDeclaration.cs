using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Options;

namespace MergeTasks.Language.Experts;

/// <summary>What the rows of a mixture's routers are made of.</summary>
internal enum GateMode
{
    /// <summary>What goes into each layer of the base after the prompts.</summary>
    Hidden,

    /// <summary>The embeddings of the prompts' tokens, in all layers the same.</summary>
    CheapEmbed,

    /// <summary>Normally distributed random numbers, for training.</summary>
    Random,

    /// <summary>The same as <see cref="Hidden"/>, averaged over the tokens of each prompt.</summary>
    HiddenAverage,

    /// <summary>Evenly distributed random numbers, as a new linear layer has them, for training.</summary>
    UniformRandom,
}

/// <summary>The kinds of mixtures that dense models can become.</summary>
internal enum MixtureArchitecture
{
    /// <summary>By the base, and whether there is a shared expert.</summary>
    Auto,

    /// <summary>Mixtral, of Llama and Mistral.</summary>
    Mixtral,

    /// <summary>Qwen 2 MoE, of Qwen 2, with one shared expert.</summary>
    Qwen,

    /// <summary>Qwen 3 MoE, of Qwen 3.</summary>
    Qwen3,

    /// <summary>DeepSeek MoE, of Llama and Mistral, with or without a shared expert.</summary>
    DeepSeek,
}

/// <summary>Dense models as experts of one.</summary>
internal sealed record MixtureDeclaration
{
    /// <summary>The options that are not about one expert.</summary>
    public static IReadOnlyList<MergeOption<MixtureDeclaration>> Options { get; } =
    [
        new MergeOption<MixtureDeclaration, GateMode>(
            "GateMode", "", "gate_mode",
            OptionKind.Choice(
                ("hidden", GateMode.Hidden), ("cheap_embed", GateMode.CheapEmbed), ("random", GateMode.Random),
                ("hidden_avg", GateMode.HiddenAverage), ("uniform_random", GateMode.UniformRandom), ("hidden_last", GateMode.Hidden)),
            GateMode.Hidden,
            "Of a mixture of experts, what routers are made of: hidden (the base's hidden states at the end of the experts' prompts; "
                + "hidden_last is the same), hidden_avg (those of all their tokens), cheap_embed (the embeddings of the prompts' tokens), "
                + "or random and uniform_random (for training).",
            mixture => mixture.GateMode, (mixture, value) => mixture with { GateMode = value }) { IsWritten = _ => true },
        new MergeOption<MixtureDeclaration, int>(
            "ExpertsPerToken", "", "experts_per_token", OptionKind.Whole(1), 2,
            "Of a mixture of experts, how many see a token.",
            mixture => mixture.ExpertsPerToken, (mixture, value) => mixture with { ExpertsPerToken = value }),
        new MergeOption<MixtureDeclaration, MixtureArchitecture>(
            "MixtureArchitecture", "", "architecture",
            OptionKind.Choice(
                ("auto", MixtureArchitecture.Auto), ("mixtral", MixtureArchitecture.Mixtral), ("qwen", MixtureArchitecture.Qwen),
                ("qwen3", MixtureArchitecture.Qwen3), ("deepseek", MixtureArchitecture.DeepSeek), ("qwen moe", MixtureArchitecture.Qwen),
                ("qwen3 moe", MixtureArchitecture.Qwen3), ("deepseek moe", MixtureArchitecture.DeepSeek)),
            MixtureArchitecture.Auto,
            "Which mixture of experts dense models become; auto decides by the base, and whether there is a shared expert.",
            mixture => mixture.Architecture, (mixture, value) => mixture with { Architecture = value }),
        new MergeOption<MixtureDeclaration, bool>(
            "ExpertTensors", "", "expert_tensors", OptionKind.Choice(("stacked", false), ("separate", true)), false,
            "How a mixture's experts are stored: stacked, as transformers 5 saves them, or separate, which earlier versions and other "
                + "loaders read too.",
            mixture => mixture.StoresSeparately, (mixture, value) => mixture with { StoresSeparately = value }),
    ];

    /// <summary>What routers are made of.</summary>
    public GateMode GateMode { get; init; }

    /// <summary>Whether routers are drawn and not made of prompts.</summary>
    public bool IsRandom => GateMode is GateMode.Random or GateMode.UniformRandom;

    /// <summary>How many experts see a token; at least 1.</summary>
    public int ExpertsPerToken { get; init; }

    /// <summary>What they become.</summary>
    public MixtureArchitecture Architecture { get; init; }

    /// <summary>Whether each expert's matrices are tensors of their own, where the architecture leaves the choice.</summary>
    public bool StoresSeparately { get; init; }

    /// <summary>The experts, one for each of the merge's models, in their order.</summary>
    public IReadOnlyList<ExpertDeclaration> Experts { get; init; } = [];

    /// <summary>The declaration with what is told of the whole mixture.</summary>
    internal static MixtureDeclaration Read(OptionReader options, IReadOnlyList<ExpertDeclaration> experts) =>
        options.Read(new MixtureDeclaration { Experts = experts }, Options);
}

/// <summary>One expert: what is to be sent to it, and how its result counts.</summary>
/// <param name="Location">Where it is declared.</param>
internal sealed record ExpertDeclaration(SourceLocation Location)
{
    /// <summary>Whether it sees every token.</summary>
    public bool IsShared { get; init; }

    /// <summary>Texts that it is for.</summary>
    public IReadOnlyList<string> PositivePrompts { get; init; } = [];

    /// <summary>Texts that it is not for.</summary>
    public IReadOnlyList<string> NegativePrompts { get; init; } = [];

    /// <summary>Standard deviation of the normal noise that its matrices get; <see langword="null"/>: none.</summary>
    public double? NoiseScale { get; init; }

    /// <summary>What its result is multiplied by; <see langword="null"/>: 1.</summary>
    public double? ResidualScale { get; init; }

    /// <summary>Full paths of the files that prompts were read from.</summary>
    public IReadOnlyList<string> Files { get; init; } = [];
}
