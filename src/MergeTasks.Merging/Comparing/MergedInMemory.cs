using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Merging.Execution;
using MergeTasks.Merging.Execution.Importance;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Measuring;
using MergeTasks.Merging.Planning;
using MergeTasks.Merging.Planning.Tensors;
using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Kernels;
using MergeTasks.Numerics.Threads;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Merging.Comparing;

/// <summary>
/// A merge that is made in memory to be run: nothing is written. It holds the merged change in fp32, and the model with any factor of the
/// change in the output's type.
/// </summary>
internal sealed class MergedInMemory : IDisposable
{
    private const int BlockLength = 1 << 16;

    private readonly MergePlan _plan;
    private readonly WorkerTeam _team;
    private readonly List<TensorPlan> _tensors;
    private readonly CandidateParameters _merged;
    private readonly CandidateParameters _candidate;
    private readonly (WindowMemory Window, float[] Origin, float[] Values)[] _buffers;
    private double? _factor;

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
        _buffers = [
            .. Enumerable.Range(0, _team.Count).Select(_ => (new WindowMemory(), new float[BlockLength], new float[BlockLength]))
        ];
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
        if (_factor != factor)
        {
            _factor = null;
            foreach (var tensor in _tensors)
                Write(tensor, factor);
            _factor = factor;
        }

        return model.Replacing(_candidate.ValuesIn(model));
    }

    public void Dispose()
    {
        _candidate.Dispose();
        _merged.Dispose();
    }

    private void Write(TensorPlan tensor, double factor)
    {
        var baseTensor = factor != 1 && tensor.Importance is { IsScaled: true, BaseSource: { } source }
            ? tensor.Sources[source].Open()
            : null;
        var others = baseTensor is null ? null : CommonRows.Of(tensor.Importance!.BaseTensor!, _plan.Importance!.Base);
        var readers = Array.ConvertAll(_buffers, buffers => baseTensor?.NewReader(buffers.Window));
        var elements = tensor.Output.Shape.ElementCount();
        _team.Run((elements + BlockLength - 1) / BlockLength, sequential: false, (worker, block) =>
        {
            var start = block * BlockLength;
            var own = _merged.Singles(tensor.Output.Name, start, (int)Math.Min(BlockLength, elements - start));
            if (readers[worker] is not { } reader)
            {
                _candidate.Write(tensor.Output.Name, start, own);
                return;
            }

            var origin = _buffers[worker].Origin.AsSpan(0, own.Length);
            var scaled = _buffers[worker].Values.AsSpan(0, own.Length);
            reader.Read(start, origin, start + own.Length);
            others?.CopyOthers(start, own, origin);
            own.CopyTo(scaled);
            BlockMath.Stretch(scaled, origin, factor);
            _candidate.Write(tensor.Output.Name, start, scaled);
        });
    }
}
