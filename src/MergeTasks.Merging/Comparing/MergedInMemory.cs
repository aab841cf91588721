using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Merging.Execution;
using MergeTasks.Merging.Execution.Importance;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Measuring;
using MergeTasks.Merging.Planning;
using MergeTasks.Merging.Planning.Tensors;
using MergeTasks.Methods.Contract;
using MergeTasks.Numerics.Threads;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Merging.Comparing;

/// <summary>
/// A merge that is made in memory to be run: nothing is written. It holds the merged change in fp32, and the model with any factor of the
/// change in the output's type.
/// </summary>
internal sealed class MergedInMemory : IDisposable
{
    private readonly MergePlan _plan;
    private readonly WorkerTeam _team;
    private readonly List<TensorPlan> _tensors;
    private readonly CandidateParameters _merged;
    private readonly CandidateParameters _candidate;

    /// <summary>Makes a merge.</summary>
    /// <param name="plan">The merge.</param>
    /// <param name="importance">What scores decided.</param>
    /// <param name="context">Threads.</param>
    public MergedInMemory(MergePlan plan, LoadedImportance importance, ScoringContext context)
    {
        (_plan, _team) = (plan, context.Team);
        _tensors = [.. plan.Tensors.Where(tensor => tensor.Context is not null && tensor.Output.DType.IsFloatingPoint())];
        _merged = new CandidateParameters(_tensors.Select(tensor => tensor.Output with { DType = DType.F32 }));
        try
        {
            Make(importance, context);
        }
        catch
        {
            _merged.Dispose();
            throw;
        }

        _candidate = new CandidateParameters(_tensors.Select(tensor => tensor.Output));
    }

    private void Make(LoadedImportance importance, ScoringContext context)
    {
        ModelSurvey? survey = null;
        var plan = _plan;
        var writer = new TensorWriter(
            tensor => Begin(own => plan.Method.Begin(own with { Survey = survey, Cancellation = context.Cancellation }), tensor),
            context.Team);
        if (plan.Method.NeedsSurvey)
            survey = MergeExecutor.Survey(plan, writer, Begin);
        foreach (var tensor in _tensors)
        {
            TensorFaults.Explain(plan, tensor, () =>
            {
                writer.MakeInMemory(tensor, _merged);
                return true;
            });
        }

        TensorMerge Begin(Func<TensorContext, TensorMerge> begin, TensorPlan tensor) =>
            tensor.KeepWith?.Begin(tensor.Context!) ?? importance.Begin(begin, tensor);
    }

    /// <summary>
    /// A model with the merge's parameters, the merged change multiplied by a factor. The one that was made before must not run any more.
    /// </summary>
    /// <param name="model">The model in which they replace those of the same name and shape.</param>
    /// <param name="factor">The factor.</param>
    public ITransformerModel In(ITransformerModel model, double factor)
    {
        foreach (var tensor in _tensors)
            Write(tensor, factor);
        return model.Replacing(_candidate.ValuesIn(model));
    }

    public void Dispose()
    {
        _candidate.Dispose();
        _merged.Dispose();
    }

    private void Write(TensorPlan tensor, double factor)
    {
        const int length = 1 << 16;
        var baseTensor = factor != 1 && tensor.Importance is { IsScaled: true, BaseSource: { } source }
            ? tensor.Sources[source].Open()
            : null;
        var others = baseTensor is null ? null : CommonRows.Of(tensor.Importance!.BaseTensor!, _plan.Importance!.Base);
        var readers = baseTensor is null
            ? []
            : Enumerable.Range(0, _team.Count)
                .Select(_ => (Reader: baseTensor.NewReader(new WindowMemory()), Origin: new float[length], Values: new float[length]))
                .ToArray();
        var elements = tensor.Output.Shape.ElementCount();
        _team.Run((elements + length - 1) / length, sequential: false, (worker, block) =>
        {
            var start = block * length;
            var own = _merged.Singles(tensor.Output.Name, start, (int)Math.Min(length, elements - start));
            if (baseTensor is null)
            {
                _candidate.Write(tensor.Output.Name, start, own);
                return;
            }

            var (reader, origin, values) = readers[worker];
            reader.Read(start, origin.AsSpan(0, own.Length), start + own.Length);
            others?.CopyOthers(start, own, origin.AsSpan(0, own.Length));
            for (var i = 0; i < own.Length; i++)
                values[i] = (float)(origin[i] + (((double)own[i] - origin[i]) * factor));
            _candidate.Write(tensor.Output.Name, start, values.AsSpan(0, own.Length));
        });
    }
}
