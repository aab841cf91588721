using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Measuring;
using MergeTasks.Merging.Planning;
using MergeTasks.Merging.Planning.Importance;
using MergeTasks.Merging.Planning.Tensors;
using MergeTasks.Methods.Contract;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Merging.Execution.Importance;

/// <summary>The scores of one merge, in memory as far as they are small, ready to be applied tensor by tensor.</summary>
internal sealed class LoadedImportance : IDisposable
{
    private readonly ImportancePlan _plan;
    private readonly ModuleImportance? _base;
    private readonly List<(int Input, ModuleImportance Importance)> _participants;
    private readonly LoadedApl? _apl;

    /// <summary>The factor of the merged change.</summary>
    public double Factor { get; private init; } = 1;

    private LoadedImportance(
        ImportancePlan plan,
        ModuleImportance? baseImportance,
        List<(int Input, ModuleImportance Importance)> participants,
        LoadedApl? apl) =>
        (_plan, _base, _participants, _apl) = (plan, baseImportance, participants, apl);

    /// <summary>What was found, for manifest and model card.</summary>
    public ImportanceReport Report { get; private init; } = new([]);

    /// <summary>Loads a merge's scores, computing those that the store lacks.</summary>
    /// <param name="plan">The merge.</param>
    /// <param name="context">Computes scores.</param>
    /// <param name="check">How the merge does, and with which factor; <see langword="null"/>: a factor that is not set is 1.</param>
    public static LoadedImportance Load(MergePlan plan, ScoringContext context, CheckReport? check = null)
    {
        var importance = plan.Importance!;
        foreach (var request in importance.Requests)
            context.PathOf(request);
        foreach (var (_, statistic) in importance.Statistics?.Models ?? [])
            statistic.Load(context.PathOf(statistic.Request));
        var baseImportance = importance.Aim?.Activations is { } own
            ? ModuleImportance.Read(context.PathOf(own), own, importance.Aim.Declaration.Normalization, context.Progress)
            : null;
        var participants = importance.Aim?.Participants.Select(participant =>
            (participant.Input,
                ModuleImportance.Read(
                    context.PathOf(participant.Request),
                    participant.Request,
                    importance.Aim.Declaration.Normalization,
                    context.Progress))).ToList() ?? [];
        var loaded = importance.Apl is { } apl ? LoadedApl.Load(plan, apl, context) : null;
        return new LoadedImportance(importance, baseImportance, participants, loaded)
        {
            Factor = check?.Factor ?? importance.Factor?.Declaration.Value ?? 1,
            Report = (loaded?.Report ?? new ImportanceReport([])) with { Check = check },
        };
    }

    /// <summary>Begins the merge of a tensor, or its part of a survey.</summary>
    public TensorMerge Begin(Func<TensorContext, TensorMerge> begin, TensorPlan plan)
    {
        if (plan.Importance is not { } importance)
            return begin(plan.Context!);
        var context = _apl?.Weighted(plan.Context!, importance.Models) ?? plan.Context!;
        var inner = begin(context);
        if (importance is not { BaseSource: { } baseIndex, BaseTensor: { } name })
            return inner;
        var steps = importance.Dropped.Concat(importance.Contributing).Distinct().ToDictionary(input => input, input => new DeltaStep(
            importance.Dropped.Contains(input) ? _apl!.DropOf(importance.Models[input]) : null,
            importance.Contributing.Contains(input) ? Contribution(plan.Output, importance, input) : null,
            plan.Sources[input] is ModelTensor source ? CommonRows.Of(name, source.Model, _plan.Base) : null));

        // A method uses a buffer per input and two more.
        return new TensorImportanceMerge(
            inner,
            context,
            (baseIndex, name, CommonRows.Of(name, _plan.Base)),
            steps,
            importance.IsScaled ? Factor : 1,
            importance.IsRelaxed ? Relaxed(plan.Output, name) : null,
            context.Inputs.Count + 2);
    }

    public void Dispose()
    {
        _apl?.Dispose();
        foreach (var (_, statistic) in _plan.Statistics?.Models ?? [])
            statistic.Dispose();
    }

    private Relaxation Relaxed(TensorSpec tensor, string baseIndex)
    {
        var modules = _plan.Aim!.Modules[baseIndex];
        return new Relaxation(Importance(_base!, modules), _plan.Aim.Declaration, LayoutOf(tensor, modules));
    }

    private ChannelFactors Contribution(TensorSpec tensor, TensorImportance importance, int input)
    {
        var modules = _plan.Aim!.Modules[importance.BaseTensor!];
        var models = _plan.IsOfWholes
            ? _participants
            : _participants.FindAll(participant =>
                importance.Contributing.Any(other => importance.Models[other] == participant.Input));
        var all = models.ConvertAll(participant => Importance(participant.Importance, modules));
        var own = models.FindIndex(participant => participant.Input == importance.Models[input]);
        return new ChannelFactors(all[own], all, LayoutOf(tensor, modules));
    }

    // Of a stack, one place after the other.
    private static double[] Importance(ModuleImportance importance, IReadOnlyList<ModuleDescription> modules) =>
        [.. modules.SelectMany(module => importance[module])];

    private static ChannelLayout LayoutOf(TensorSpec tensor, IReadOnlyList<ModuleDescription> modules) => new(
        tensor.Shape.Count < 2 ? 1 : tensor.Shape[^1],
        tensor.Shape.Count < 2 || modules[0].StoredByInput,
        modules[0].Place is null ? long.MaxValue : tensor.Shape[^2]);
}
