using MergeTasks.Checkpoints.Elements;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Measuring;
using MergeTasks.Methods.Contract;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Merging.Planning.Importance;

/// <summary>Plans the statistics of its models that a method wants.</summary>
internal sealed class StatisticPlanner(ScoredMerge merge)
{
    private readonly Measurable _measurable = merge.Measurable;

    /// <summary>Plans those of every model that is merged.</summary>
    /// <exception cref="DiagnosticException">A model has no task, or none that gives such a statistic.</exception>
    public StatisticsPlan Plan()
    {
        var merged = merge.Merged.ToList();
        merge.RequireTaskData($"the method '{merge.Method.Name}'", merged.Select(pair => pair.Model));
        return new StatisticsPlan([.. merged.Select(pair => (pair.Index, Statistic(pair.Model)))]);
    }

    private PlannedStatistic Statistic(OpenModel measured)
    {
        var (declaration, input) = measured;
        var description = _measurable.Describe(measured);
        if (description.Task == ModelTask.MaskedLanguageModel)
        {
            throw _measurable.Fault(
                DiagnosticCode.UnsuitableScoring,
                $"'{declaration.Label}' is a masked language model, for which '{merge.Method.Name}' knows no task. "
                + "It takes decoders and sequence classifiers.",
                declaration.Location);
        }

        var tokenizer = _measurable.Tokenizer(measured, merge.Base);
        var run = new TaskRun(new RunnableModel(input, description, null, []), tokenizer, declaration.TaskData!);
        var data = _measurable.DigestOf(declaration.TaskData!);
        return merge.Method.Statistic == ModelStatistic.Fisher
            ? new PlannedStatistic(new FisherRequest(Key("Fisher information"), declaration, run), Parameters(input, description))
            : InputProducts(Modules(input, description));

        ScoreKey Key(string kind) => _measurable.Key(kind, run.Model, tokenizer, new KeyValuePair<string, string>("task data", data));

        PlannedStatistic InputProducts(List<ModuleDescription> modules) => new(
            new InputProductsRequest(Key("input products"), declaration, run, modules),
            modules.DistinctBy(module => module.Weight)
                .ToDictionary(module => module.Weight, module => (ModuleDescription?)module, StringComparer.Ordinal));
    }

    private static Dictionary<string, ModuleDescription?> Parameters(ModelInput input, ModelDescription description) =>
        input.Names.Except(description.UnusedTensors, StringComparer.Ordinal).Where(name => input.Find(name)!.DType.IsFloatingPoint())
            .ToDictionary(name => name, _ => (ModuleDescription?)null, StringComparer.Ordinal);

    // Tables are no linear layers, though they may serve as one. Of a stack every expert is a layer, in order.
    private static List<ModuleDescription> Modules(ModelInput input, ModelDescription description)
    {
        var tables = description.Tables.ToHashSet(StringComparer.Ordinal);
        return [
            .. description.Modules
                .Where(module => !tables.Contains(module.Weight)
                    && input.Find(module.Weight)?.Shape.Count == (module.Place is null ? 2 : 3))
                .DistinctBy(module => (module.Weight, module.Place)).OrderBy(module => module.Place ?? 0),
        ];
    }
}
