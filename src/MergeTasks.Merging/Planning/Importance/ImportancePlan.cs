using MergeTasks.Language.Declarations;
using MergeTasks.Language.Importance;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Locating;
using MergeTasks.Merging.Measuring;
using MergeTasks.Merging.Planning.Layout;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Merging.Planning.Importance;

/// <summary>What AIM and APL do to one merge: the scores that they need, and whom they concern. Known before any model runs.</summary>
/// <param name="BaseDeclaration">The model from which changes are measured, θ_b.</param>
/// <param name="Base">Its tensors.</param>
internal sealed record ImportancePlan(ModelDeclaration BaseDeclaration, ModelInput Base)
{
    /// <summary>The models of the merge, in the order by which scores name them: the method's inputs, or those of all parts.</summary>
    public IReadOnlyList<ModelDeclaration> Participants { get; init; } = [];

    /// <summary>Whether whole models are merged, so that the method's inputs are the models.</summary>
    public bool IsOfWholes { get; init; } = true;

    /// <summary>The models of a part's sources.</summary>
    public IReadOnlyList<int> ModelsOf(LayoutPart part) => IsOfWholes
        ? [.. Enumerable.Range(0, part.Sources.Count)]
        : [.. part.Sources.Select(source => Participants.Index().First(pair => pair.Item.IsSameModel(source.Declaration)).Index)];

    /// <summary>
    /// Name of θ_b's tensor from which the changes of a tensor are measured: of a whole model, that of the same name; of a part, the one
    /// that θ_b itself contributes, else that of the name under which all sources contribute theirs. <see langword="null"/> where that
    /// does not exist in the same shape.
    /// </summary>
    public string? BaseTensorOf(LayoutTensor tensor)
    {
        var names = tensor.Sources.Select(source => source.Tensor).Distinct(StringComparer.Ordinal).ToList();
        var name = IsOfWholes ? tensor.Name
            : tensor.Part.Sources.ToList().FindIndex(source => source.Declaration.IsSameModel(BaseDeclaration)) is var own and >= 0
                ? tensor.Sources[own].Tensor
            : names is [var only] ? only : null;
        return name is not null && ScoredMerge.HasSame(Base, name, tensor.Stored.Shape) ? name : null;
    }

    /// <summary>AIM, if asked for.</summary>
    public AimPlan? Aim { get; init; }

    /// <summary>APL, if asked for.</summary>
    public AplPlan? Apl { get; init; }

    /// <summary>The factor of the merged change; <see langword="null"/>: 1.</summary>
    public FactorPlan? Factor { get; init; }

    /// <summary>The tasks on which merges are measured; empty where none is.</summary>
    internal IReadOnlyList<TaskMeasure> Tasks { get; init; } = [];

    /// <summary>Statistics for the method itself, if it wants any.</summary>
    public StatisticsPlan? Statistics { get; init; }

    /// <summary>The scores in the order in which they are computed.</summary>
    public IEnumerable<ScoreRequest> Requests =>
        (Aim?.Requests ?? []).Concat(Apl?.Requests ?? []).Concat(Statistics?.Models.Select(model => model.Statistic.Request) ?? [])
            .Concat(Tasks.SelectMany(task => new[] { task.BaseScore, task.TunedScore })).DistinctBy(request => request.Key.Digest);

    /// <summary>
    /// Names of the output's tensors that have no base tensor of the same name and shape, and so are left as the method merges them.
    /// </summary>
    public IReadOnlyList<string> WithoutBase { get; init; } = [];
}

/// <summary>AIM's part of a plan.</summary>
/// <param name="Declaration">The settings.</param>
/// <param name="Activations">The base's activations; <see langword="null"/> where ω = 1, which needs none.</param>
/// <param name="Participants">The activations of each model that contributes deltas (index among the merge's inputs); empty unless asked
/// for.</param>
/// <param name="Modules">The modules whose weights are relaxed, by the weight's name: one, or those of a stack of experts' matrices, in
/// order.</param>
internal sealed record AimPlan(
    AimDeclaration Declaration,
    ActivationRequest? Activations,
    IReadOnlyList<(int Input, ActivationRequest Request)> Participants,
    IReadOnlyDictionary<string, IReadOnlyList<ModuleDescription>> Modules)
{
    /// <summary>The scores.</summary>
    public IEnumerable<ScoreRequest> Requests =>
        (Activations is null ? [] : new[] { Activations }).Concat(Participants.Select(participant => participant.Request));
}

/// <summary>APL's part of a plan.</summary>
/// <param name="Declaration">The settings.</param>
/// <param name="Models">The models whose deltas are scored.</param>
internal sealed record AplPlan(AplDeclaration Declaration, IReadOnlyList<AplModel> Models)
{
    /// <summary>The scores.</summary>
    public IEnumerable<ScoreRequest> Requests => Models.SelectMany(model => model.Requests);
}

/// <summary>One fine-tuned model in APL.</summary>
/// <param name="Index">Its index among the merge's inputs.</param>
/// <param name="Declaration">The model.</param>
/// <param name="Located">Its tensors, and how its deltas divide.</param>
internal sealed record AplModel(int Index, ModelDeclaration Declaration, LocatedModel Located)
{
    /// <summary>What decides how much of each part is kept.</summary>
    public AplScores Scores => Located.Scores;

    /// <summary>Density and factor of what is kept; <see langword="null"/> where the settings alone decide both.</summary>
    public KeptChangeRequest? Kept { get; init; }

    /// <summary>The scores that decide what is kept and what models weigh; the others only verify.</summary>
    public IEnumerable<ScoreRequest> Deciding(AplDeclaration apl) =>
        Kept is null ? Scores.Deciding(apl) : Scores.Deciding(apl).Append(Kept);

    /// <summary>The scores.</summary>
    public IEnumerable<ScoreRequest> Requests => Kept is null ? Scores.Requests : [.. Scores.Requests, .. Kept.Compared, Kept];
}

/// <summary>The factor of the merged change.</summary>
/// <param name="Declaration">What is asked for.</param>
internal sealed record FactorPlan(FactorDeclaration Declaration);

/// <summary>A fine-tuned model's task, on which a merge is measured.</summary>
/// <param name="Declaration">The model.</param>
/// <param name="Base">The base as the task sees it.</param>
/// <param name="BaseScore">M(θ_b).</param>
/// <param name="TunedScore">M(θ_i).</param>
/// <param name="Merged">The model in which what is merged takes the place of the parameters.</param>
internal sealed record TaskMeasure(
    ModelDeclaration Declaration,
    TaskRun Base,
    SampleScoreRequest BaseScore,
    SampleScoreRequest TunedScore,
    RunnableModel Merged);
