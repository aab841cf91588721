using System.Text.Json.Serialization;
using MergeTasks.Language.Diagnostics;

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
    /// <summary>Those of smallest |Δ|.</summary>
    Magnitude,

    /// <summary>Any, each with the same probability.</summary>
    Random,

    /// <summary>
    /// Those whose removal from the fine-tuned model θ_i costs least to second order: Δ²F(θ_i)/2 + |Δ·∇M(θ_i)|, F the mean over samples of the
    /// squared gradient of one sample's metric.
    /// </summary>
    Importance,

    /// <summary>Those of smallest |Δ·∇M|, the gradient taken where the intervention starts: of <c>restore</c>, at the base.</summary>
    RestoreImportance,
}

/// <summary>How the importance of parts becomes the share of each that is kept.</summary>
public enum BudgetRule
{
    /// <summary>
    /// By importance per parameter, clamped around its median, counted over all elements. Each tensor has a threshold of its own, and
    /// elements equal to it are kept.
    /// </summary>
    PerParameter,

    /// <summary>In proportion to a part's whole importance, counted over changed elements, to an exact number of elements.</summary>
    Total,
}

/// <summary>What makes up for the changes that are dropped.</summary>
public enum RescaleRule
{
    /// <summary>One factor for a model's kept changes: the one of a few at which the base with them does best on the model's task data.</summary>
    Task,

    /// <summary>Nothing.</summary>
    None,

    /// <summary>One factor for a model's kept changes, so that their sum of magnitudes is that of all its changes.</summary>
    Mass,

    /// <summary>Each part's kept changes are divided by its keep ratio; with <see cref="BudgetRule.PerParameter"/>, all by the model's.</summary>
    Inverse,
}

/// <summary>
/// Activated parameter locating (arXiv 2408.09485): how much a model's task depends on each part of what fine-tuning changed decides
/// how much of the change is kept before merging, and how much the model weighs. The constants are this project's own choices.
/// </summary>
/// <param name="Location">Where it is asked for.</param>
public sealed record AplDeclaration(SourceLocation Location)
{
    /// <summary>τ₁ and τ₂ where none is given.</summary>
    public const double DefaultTau = 2;

    /// <summary>The levels; of layer, tensor and hidden the finest decides what is dropped.</summary>
    public required IReadOnlyList<PartitionLevel> Levels { get; init; }

    /// <summary>
    /// Target density q, of all elements or, with <see cref="BudgetRule.Total"/>, of the changed ones; <see langword="null"/>: the smallest of
    /// a few at which the kept changes still do what all do.
    /// </summary>
    public double? Density { get; init; }

    /// <summary>How importance becomes keep ratios.</summary>
    public BudgetRule Budget { get; init; }

    /// <summary>The intervention.</summary>
    public InterventionMode Mode { get; init; }

    /// <summary>Whether interventions are run one by one instead of approximated by one gradient.</summary>
    public bool IsExact { get; init; }

    /// <summary>The rule.</summary>
    public DropRule Drop { get; init; }

    /// <summary>Whether the merge needs what runs of the whole model with the kept changes tell: a density, or a factor for them.</summary>
    [JsonIgnore]
    public bool Searches => DropLevel is not null && (Density is null || (Rescale is RescaleRule.Task or RescaleRule.Mass && Density < 1));

    /// <summary>τ₀: temperature of the merging weights.</summary>
    [JsonNumberHandling(JsonNumberHandling.AllowNamedFloatingPointLiterals)]
    public double Tau0 { get; init; } = 1;

    /// <summary>τ₁: temperature of the layers' (or tensors') keep ratios; infinite: all the same.</summary>
    [JsonNumberHandling(JsonNumberHandling.AllowNamedFloatingPointLiterals)]
    public double Tau1 { get; init; } = DefaultTau;

    /// <summary>τ₂: temperature of the rows' keep ratios within a layer.</summary>
    [JsonNumberHandling(JsonNumberHandling.AllowNamedFloatingPointLiterals)]
    public double Tau2 { get; init; } = DefaultTau;

    /// <summary>What makes up for what is dropped.</summary>
    public RescaleRule Rescale { get; init; }

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
}
