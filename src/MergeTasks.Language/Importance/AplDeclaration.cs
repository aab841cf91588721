using System.Text.Json.Serialization;
using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Language.Importance;

/// <summary>How finely a model's parameters are divided into parts whose importance is measured.</summary>
internal enum PartitionLevel
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
internal enum InterventionMode
{
    /// <summary>Puts the fine-tuned part into the base.</summary>
    Restore,

    /// <summary>Takes the part's change out of the fine-tuned model.</summary>
    Ablate,
}

/// <summary>Which elements of a delta are dropped inside a part.</summary>
internal enum DropRule
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
/// </summary>
/// <param name="Location">Where it is asked for.</param>
internal sealed record AplDeclaration(SourceLocation Location)
{
    /// <summary>Share of the changed elements kept where neither <c>AplDensity</c> nor the method's own density says otherwise.</summary>
    public const double DefaultDensity = 0.5;

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
    public double Tau0 { get; init; } = 1;

    /// <summary>τ₁: temperature of the layers' (or tensors') keep ratios; infinite: all the same.</summary>
    [JsonNumberHandling(JsonNumberHandling.AllowNamedFloatingPointLiterals)]
    public double Tau1 { get; init; } = 1;

    /// <summary>τ₂: temperature of the rows' keep ratios within a layer.</summary>
    [JsonNumberHandling(JsonNumberHandling.AllowNamedFloatingPointLiterals)]
    public double Tau2 { get; init; } = 1;

    /// <summary>Whether survivors are divided by the keep ratio.</summary>
    public bool Rescales { get; init; }

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
