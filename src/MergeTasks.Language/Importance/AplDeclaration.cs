using System.Text.Json.Serialization;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Options;

namespace MergeTasks.Language.Importance;

/// <summary>How finely a model's parameters are divided into parts whose importance is measured.</summary>
public enum PartitionLevel
{
    /// <summary>All of them: decides the merging weights.</summary>
    Model,

    /// <summary>Each transformer block, the embeddings, everything else.</summary>
    Layer,

    /// <summary>Each named tensor.</summary>
    Tensor,

    /// <summary>Each output row of each matrix with its bias, each norm.</summary>
    Hidden,
}

/// <summary>What an intervention does to one part.</summary>
public enum InterventionMode
{
    /// <summary>Puts the fine-tuned part into the base.</summary>
    Restore,

    /// <summary>Takes the part's change out of the fine-tuned model.</summary>
    Ablate,
}

/// <summary>Which elements of a delta are dropped inside a part.</summary>
public enum DropRule
{
    /// <summary>Any, each with the same probability.</summary>
    Random,

    /// <summary>Those of smallest |Δ|.</summary>
    Magnitude,

    /// <summary>Those of smallest |Δ·∇M|.</summary>
    Importance,
}

/// <summary>
/// Activated parameter locating (arXiv 2408.09485): how much a model's task depends on each part of what fine-tuning changed decides
/// how much of the change is kept before merging, and how much the model weighs. The constants are this project's own choices.
/// <see cref="Options"/> has the defaults.
/// </summary>
/// <param name="Location">Where it is asked for.</param>
public sealed record AplDeclaration(SourceLocation Location)
{
    /// <summary>Share of the changed elements kept where neither <c>AplDensity</c> nor the method's own density says otherwise.</summary>
    public const double DefaultDensity = 0.5;

    /// <summary>The options in the order in which a recipe has them.</summary>
    public static IReadOnlyList<MergeOption<AplDeclaration>> Options { get; } =
    [
        new MergeOption<AplDeclaration, IReadOnlyList<PartitionLevel>>(
            "Apl", "apl", "levels", OptionKind.Choices<PartitionLevel>().OrWords(OptionKind.Off, []), [],
            "Activated parameter locating: layer, tensor or hidden (rows), the finest of which decides what is dropped, and model, "
            + "where importance sets the weights.",
            apl => apl.Levels, (apl, value) => apl with { Levels = value })
        {
            IsProjectWide = true,
            DefaultText = OptionKind.Off[0],
        },
        Row("AplDensity", "density", OptionKind.Number(1e-6, 1).OrNone(), null,
            FormattableString.Invariant($"Share of the changed elements that is kept; default: the method's density, else {DefaultDensity}."),
            apl => apl.Density, (apl, value) => apl with { Density = value }),
        Row("AplMode", "mode", OptionKind.Choice<InterventionMode>(), InterventionMode.Restore,
            "Put a part into the base, or take its change out of the fine-tuned model.",
            apl => apl.Mode, (apl, value) => apl with { Mode = value }),
        Row("AplScoring", "scoring", OptionKind.Choice(("gradient", false), ("exact", true)), false,
            "Approximate interventions by one gradient, or run each.",
            apl => apl.IsExact, (apl, value) => apl with { IsExact = value }),
        Row("AplDrop", "drop", OptionKind.Choice<DropRule>(), DropRule.Random,
            "Which elements of a part are dropped: random ones, the smallest changes, or the least important.",
            apl => apl.Drop, (apl, value) => apl with { Drop = value }, _ => true),
        Row("AplTau0", "tau0", OptionKind.Temperature, 1,
            "Temperature of the models' weights; inf: all the same.",
            apl => apl.Tau0, (apl, value) => apl with { Tau0 = value }),
        Row("AplTau1", "tau1", OptionKind.Temperature, 1,
            "Temperature of layers or tensors; inf: all the same.",
            apl => apl.Tau1, (apl, value) => apl with { Tau1 = value }),
        Row("AplTau2", "tau2", OptionKind.Temperature, 1,
            "Temperature of rows within a layer; inf: all the same.",
            apl => apl.Tau2, (apl, value) => apl with { Tau2 = value }),
        Row("AplRescale", "rescale", OptionKind.Flag.OrNone(), null,
            "Divide what is kept by its keep ratio; default: where random elements are dropped.",
            apl => apl.Rescale, (apl, value) => apl with { Rescale = value }, apl => apl.Rescales != RescalesByDefault(apl)),
        Row("AplVerify", "verify", OptionKind.Flag, false,
            "Compare the approximation with exact interventions; the result goes to log, manifest and model card.",
            apl => apl.Verifies, (apl, value) => apl with { Verifies = value }),
        Row("AplAllowCostly", "allow_costly", OptionKind.Flag, false,
            "Allow exact interventions on rows, each of which is a run over all samples.",
            apl => apl.AllowsCostly, (apl, value) => apl with { AllowsCostly = value }),
    ];

    /// <summary>The levels; of layer, tensor and hidden the finest decides what is dropped.</summary>
    public required IReadOnlyList<PartitionLevel> Levels { get; init; }

    /// <summary>Target density q; <see langword="null"/> where none is named.</summary>
    public double? Density { get; init; }

    /// <summary>The intervention.</summary>
    public InterventionMode Mode { get; init; }

    /// <summary>Whether interventions are run one by one instead of approximated by one gradient.</summary>
    public bool IsExact { get; init; }

    /// <summary>The rule.</summary>
    public DropRule Drop { get; init; }

    /// <summary>τ₀: temperature of the merging weights.</summary>
    [JsonNumberHandling(JsonNumberHandling.AllowNamedFloatingPointLiterals)]
    public double Tau0 { get; init; }

    /// <summary>τ₁: temperature of the layers' (or tensors') keep ratios; infinite: all the same.</summary>
    [JsonNumberHandling(JsonNumberHandling.AllowNamedFloatingPointLiterals)]
    public double Tau1 { get; init; }

    /// <summary>τ₂: temperature of the rows' keep ratios within a layer.</summary>
    [JsonNumberHandling(JsonNumberHandling.AllowNamedFloatingPointLiterals)]
    public double Tau2 { get; init; }

    /// <summary>Whether survivors are to be divided by the keep ratio; <see langword="null"/> where the rule decides.</summary>
    public bool? Rescale { get; init; }

    /// <summary>Whether survivors are divided by the keep ratio.</summary>
    [JsonIgnore]
    public bool Rescales => Rescale ?? RescalesByDefault(this);

    /// <summary>Whether the approximation is compared with exact interventions on layers and tensors.</summary>
    public bool Verifies { get; init; }

    /// <summary>Whether exact interventions on single rows may be run.</summary>
    public bool AllowsCostly { get; init; }

    /// <summary>Whether models get merging weights by importance.</summary>
    [JsonIgnore]
    public bool SetsWeights => Levels.Contains(PartitionLevel.Model);

    /// <summary>The level that decides what is dropped; <see langword="null"/> where only weights are set.</summary>
    [JsonIgnore]
    public PartitionLevel? DropLevel => Levels.Max() is var finest && finest > PartitionLevel.Model ? finest : null;

    /// <summary>APL's settings; <see langword="null"/> where it is not asked for, or not rightly.</summary>
    /// <param name="options">Reads the options.</param>
    internal static AplDeclaration? Read(OptionReader options)
    {
        if (options.Find(Options[0]) is not { } written || OptionKind.IsOneOf(written, OptionKind.Off))
            return null;
        var apl = options.Read(new AplDeclaration(written.Location) { Levels = [] }, Options);
        if (apl.Levels.Count == 0)
            return null;
        if (apl is { IsExact: true, AllowsCostly: false, DropLevel: PartitionLevel.Hidden })
        {
            options.Report(DiagnosticCode.CostlyScoring,
                "exact interventions on single rows run the model once per row, which takes days on real models. "
                + "Use AplScoring=\"gradient\", or set AplAllowCostly=\"true\".",
                written.Location);
        }

        return apl;
    }

    private static bool RescalesByDefault(AplDeclaration apl) => apl.Drop == DropRule.Random;

    private static MergeOption<AplDeclaration, T> Row<T>(
        string metadata, string key, OptionKind<T> kind, T missing, string description,
        Func<AplDeclaration, T> get, Func<AplDeclaration, T, AplDeclaration> set, Func<AplDeclaration, bool>? isWritten = null) =>
        new(metadata, "apl", key, kind, missing, description, get, set) { IsProjectWide = true, IsWritten = isWritten };
}
