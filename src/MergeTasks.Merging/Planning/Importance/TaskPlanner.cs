using MergeTasks.Checkpoints.Elements;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Measuring;
using MergeTasks.Merging.Planning.Layout;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Merging.Planning.Importance;

/// <summary>What a fine-tuned model's task needs to be run with the model, the base, or anything between.</summary>
/// <param name="Index">Index among the merge's inputs.</param>
/// <param name="Model">The model.</param>
/// <param name="Description">What it computes.</param>
/// <param name="Shared">Names of the parameters that it shares with the base.</param>
/// <param name="Base">The task with the base.</param>
/// <param name="Tuned">The task with the model.</param>
/// <param name="Ingredients">The key's part that is the task's.</param>
internal sealed record TaskSide(
    int Index,
    OpenModel Model,
    ModelDescription Description,
    IReadOnlyList<string> Shared,
    TaskRun Base,
    TaskRun Tuned,
    IReadOnlyList<KeyValuePair<string, string>> Ingredients);

/// <summary>Plans how merged models, and those that they are made from, do on the tasks of the fine-tuned ones.</summary>
/// <param name="merge">The merge.</param>
/// <param name="baseDescription">What θ_b computes.</param>
/// <param name="mustRun">Whether it is a fault if the output cannot be run, because that was asked for.</param>
internal sealed class TaskPlanner(ScoredMerge merge, ModelDescription baseDescription, bool mustRun)
{
    private readonly Measurable _measurable = merge.Measurable;
    private readonly Lazy<RunnableModel?> _output = new(() => Output(merge, mustRun));

    /// <summary>Whether every fine-tuned model has a task that can be run.</summary>
    public bool CanMeasureAll =>
        merge.Tuned.ToList() is { Count: > 0 } tuned
            && tuned.TrueForAll(pair => pair.Model.Declaration.TaskData is not null && TrySide(pair) is { } side && RunsOutput(side));

    /// <summary>The tasks of those fine-tuned models that have one.</summary>
    /// <param name="required">Whether a task that cannot be run is a fault; otherwise it is left out without a word.</param>
    /// <exception cref="DiagnosticException">A task cannot be run.</exception>
    public List<TaskSide> Sides(bool required) =>
        [
            .. merge.Tuned
                .Where(pair => pair.Model.Declaration.TaskData is not null)
                .Select(pair => required ? Side(pair) : TrySide(pair))
                .OfType<TaskSide>()
        ];

    /// <summary>What the base and the fine-tuned model reach on a task.</summary>
    public TaskMeasure Measure(TaskSide side) => new(
        side.Model.Declaration, side.Base, Score(side, side.Base), Score(side, side.Tuned), _output.Value ?? side.Base.Model);

    /// <summary>Whether the merge can be run on a task: as the base is, or, made of parts, as the model that it will be.</summary>
    public bool RunsOutput(TaskSide side) => merge.Declaration.IsWhole || _output.Value?.Description.Task == side.Description.Task;

    // What is made of parts has another configuration than any of its models.
    private static RunnableModel? Output(ScoredMerge merge, bool mustRun)
    {
        if (merge.Declaration.IsWhole)
            return null;
        var output = new LayoutInput(merge.Layout, merge.Base.Input);
        try
        {
            return new RunnableModel(
                output, merge.Measurable.Describe(new OpenModel(new(merge.Declaration.Name, merge.Declaration.Location), output)), null, []);
        }
        catch (DiagnosticException) when (!mustRun)
        {
            return null;
        }
    }

    private TaskSide? TrySide((int Index, OpenModel Model) tuned)
    {
        try
        {
            return Side(tuned);
        }
        catch (DiagnosticException)
        {
            return null;
        }
    }

    private TaskSide Side((int Index, OpenModel Model) tuned)
    {
        var (declaration, input) = tuned.Model;
        var description = _measurable.Describe(tuned.Model);
        if (description.Task == ModelTask.MaskedLanguageModel)
        {
            throw _measurable.Fault(
                DiagnosticCode.UnsuitableScoring,
                $"'{declaration.Label}' is a masked language model, for which APL knows no task. It takes decoders and sequence "
                    + "classifiers.",
                declaration.Location);
        }

        var used = input.Names
            .Except(description.UnusedTensors, StringComparer.Ordinal)
            .Where(name => input.Find(name)!.DType.IsFloatingPoint())
            .ToList();
        var shared = used.Where(name => merge.BaseHas(name, input.Find(name)!.Shape)).ToList();
        if (shared.Count == 0)
        {
            throw _measurable.Fault(
                DiagnosticCode.MissingImportanceBase,
                $"'{declaration.Label}' and the base '{merge.Base.Declaration.Label}' share no tensor, so there is no change to measure.",
                declaration.Location);
        }

        var baseDescribed = baseDescription.Task == description.Task && shared.Count == used.Count
            ? new RunnableModel(merge.Base.Input, baseDescription, null, [])
            : new RunnableModel(input, description, merge.Base.Input, [.. shared.Order(StringComparer.Ordinal)]);
        var tokenizer = _measurable.Tokenizer(merge.Base, tuned.Model);
        var share = merge.Declaration.ChecksItself ? SampleShare.Scoring : SampleShare.All;
        var isClassifier = description.Task == ModelTask.SequenceClassification;
        return new TaskSide(
            tuned.Index,
            tuned.Model,
            description,
            shared,
            Run(baseDescribed),
            Run(new RunnableModel(input, description, null, [])),
            _measurable.Reading(
                tokenizer,
                new("task data", _measurable.DigestOf(declaration.TaskData!)),
                new("samples", share == SampleShare.All ? "all" : "the deciding half"),
                new(
                    "metric",
                    isClassifier ? "mean log-probability of the label" : "mean over samples of the targets' mean log-probability")));

        TaskRun Run(RunnableModel model) => new(model, tokenizer, declaration.TaskData!) { Share = share };
    }

    private SampleScoreRequest Score(TaskSide side, TaskRun run) => new(
        _measurable.Key("sample scores", run.Model, side.Ingredients),
        run == side.Base ? merge.Base.Declaration : side.Model.Declaration,
        run);
}
