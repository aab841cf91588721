using MergeTasks.Language.Declarations;
using MergeTasks.Language.Importance;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Measuring;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Merging.Planning.Importance;

/// <summary>What AIM and APL do to one merge: the scores that they need, and whom they concern. Known before any model runs.</summary>
/// <param name="BaseDeclaration">The model from which changes are measured, θ_b.</param>
/// <param name="Base">Its tensors.</param>
public sealed record ImportancePlan(ModelDeclaration BaseDeclaration, ModelInput Base)
{
    /// <summary>AIM, if asked for.</summary>
    public AimPlan? Aim { get; init; }

    /// <summary>APL, if asked for.</summary>
    public AplPlan? Apl { get; init; }

    /// <summary>Statistics for the method itself, if it wants any.</summary>
    public StatisticsPlan? Statistics { get; init; }

    /// <summary>The scores in the order in which they are computed.</summary>
    public IEnumerable<ScoreRequest> Requests =>
        (Aim?.Requests ?? []).Concat(Apl?.Requests ?? []).Concat(Statistics?.Models.Select(model => model.Statistic.Request) ?? []);

    /// <summary>Names of the output's tensors that have no base tensor of the same name and shape, and so are left as the method merges them.</summary>
    public IReadOnlyList<string> WithoutBase { get; init; } = [];
}

/// <summary>AIM's part of a plan.</summary>
/// <param name="Declaration">The settings.</param>
/// <param name="Activations">The base's activations; <see langword="null"/> where ω = 1, which needs none.</param>
/// <param name="Participants">The activations of each model that contributes deltas (index among the merge's inputs); empty unless asked for.</param>
/// <param name="Modules">The modules whose weights are relaxed, by the weight's name: one, or those of a stack of experts' matrices, in order.</param>
public sealed record AimPlan(
    AimDeclaration Declaration,
    ActivationRequest? Activations,
    IReadOnlyList<(int Input, ActivationRequest Request)> Participants,
    IReadOnlyDictionary<string, IReadOnlyList<ModuleDescription>> Modules)
{
    /// <summary>The scores.</summary>
    public IEnumerable<ScoreRequest> Requests => (Activations is null ? [] : new[] { Activations }).Concat(Participants.Select(participant => participant.Request));
}

/// <summary>APL's part of a plan.</summary>
/// <param name="Declaration">The settings.</param>
/// <param name="Density">Target density q.</param>
/// <param name="Models">The models whose deltas are scored.</param>
public sealed record AplPlan(AplDeclaration Declaration, double Density, IReadOnlyList<AplModel> Models)
{
    /// <summary>The scores.</summary>
    public IEnumerable<ScoreRequest> Requests => Models.SelectMany(model => model.Requests);
}

/// <summary>One fine-tuned model in APL.</summary>
/// <param name="Index">Its index among the merge's inputs.</param>
/// <param name="Declaration">The model.</param>
/// <param name="Input">Its tensors.</param>
/// <param name="Partition">How its deltas divide.</param>
public sealed record AplModel(int Index, ModelDeclaration Declaration, ModelInput Input, DeltaPartition Partition)
{
    /// <summary>Changed elements of each unit.</summary>
    public required ChangeCountRequest Counts { get; init; }

    /// <summary>The gradient that is kept for the rule <see cref="DropRule.Importance"/>.</summary>
    public GradientRequest? Gradient { get; init; }

    /// <summary>Inner products of deltas and gradient, for the approximation.</summary>
    public ProductRequest? Products { get; init; }

    /// <summary>Exact interventions, by level: those that decide, or those that verify.</summary>
    public IReadOnlyDictionary<PartitionLevel, InterventionRequest> Exact { get; init; } = new Dictionary<PartitionLevel, InterventionRequest>();

    /// <summary>The scores that decide what is kept and what models weigh; the others only verify.</summary>
    public IEnumerable<ScoreRequest> Deciding(AplDeclaration apl) =>
        apl.IsExact ? new ScoreRequest?[] { Counts, Gradient }.OfType<ScoreRequest>().Concat(Exact.OrderBy(pair => pair.Key).Select(pair => pair.Value)) : [Counts, Products!];

    /// <summary>The scores.</summary>
    public IEnumerable<ScoreRequest> Requests =>
        new ScoreRequest?[] { Counts, Gradient, Products }.OfType<ScoreRequest>().Concat(Exact.OrderBy(pair => pair.Key).Select(pair => pair.Value));
}
