using MergeTasks.Caching;
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
    private readonly Dictionary<string, ContentDigest> _made = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (ContentDigest Key, double Factor)> _written = new(StringComparer.Ordinal);
    private readonly (WindowMemory Window, float[] Origin, float[] Values)[] _buffers;

    /// <summary>Makes a merge.</summary>
    /// <param name="plan">The merge.</param>
    /// <param name="importance">What scores decided; <see langword="null"/>: nothing.</param>
    /// <param name="context">Threads.</param>
    /// <param name="earlier">
    /// Another merge, which is needed no more: its memory is taken over, and of tensors that both have by the same key their content.
    /// </param>
    public MergedInMemory(MergePlan plan, LoadedImportance? importance, ScoringContext context, MergedInMemory? earlier = null)
    {
        (_plan, _team) = (plan, context.Team);
        _tensors = [.. plan.Tensors.Where(tensor => tensor.Output.DType.IsFloatingPoint())];
        _merged = new CandidateParameters(_tensors.Select(tensor => tensor.Output with { DType = DType.F32 }), earlier?._merged);
        _candidate = new CandidateParameters(_tensors.Select(tensor => tensor.Output), earlier?._candidate);
        foreach (var tensor in _tensors.Where(tensor => earlier?._made.GetValueOrDefault(tensor.Output.Name) == tensor.Key))
        {
            _made[tensor.Output.Name] = tensor.Key;
            if (earlier!._written.TryGetValue(tensor.Output.Name, out var written))
                _written[tensor.Output.Name] = written;
        }

        Taken = _made.Count;
        _buffers = [
            .. Enumerable.Range(0, _team.Count).Select(_ => (new WindowMemory(), new float[BlockLength], new float[BlockLength]))
        ];
        try
        {
            Make(importance, context);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>How many tensors were there already.</summary>
    public int Taken { get; }

    private void Make(LoadedImportance? importance, ScoringContext context)
    {
        ModelSurvey? survey = null;
        var plan = _plan;
        var wanted = _tensors.Where(tensor => !_made.ContainsKey(tensor.Output.Name)).ToList();
        var writer = new TensorWriter(
            tensor => Begin(own => plan.Method.Begin(own with { Survey = survey, Cancellation = context.Cancellation }), tensor),
            context.Team);
        if (plan.Method.NeedsSurvey && wanted.Exists(tensor => tensor.IsMerged))
            survey = MergeExecutor.Survey(plan, writer, Begin);
        foreach (var tensor in wanted)
        {
            TensorFaults.Explain(plan, tensor, () =>
            {
                if (tensor.Context is null)
                    Copy(tensor);
                else
                    writer.MakeInMemory(tensor, _merged);
                return true;
            });
            _made[tensor.Output.Name] = tensor.Key;
        }

        TensorMerge Begin(Func<TensorContext, TensorMerge> begin, TensorPlan tensor) =>
            tensor.KeepWith?.Begin(tensor.Context!) ?? importance?.Begin(begin, tensor) ?? begin(tensor.Context!);
    }

    // Where a single source is copied, that need not be the model in which the merge is run.
    private void Copy(TensorPlan tensor)
    {
        var values = new float[StoredTensor.WindowLength];
        var elements = tensor.Output.Shape.ElementCount();
        var reader = tensor.Sources[0].Open().NewReader(new WindowMemory());
        for (long start = 0; start < elements; start += values.Length)
        {
            var own = values.AsSpan(0, (int)Math.Min(values.Length, elements - start));
            reader.Read(start, own, elements);
            _merged.Write(tensor.Output.Name, start, own);
        }
    }

    /// <summary>
    /// A model with the merge's parameters, the merged change multiplied by a factor. The one that was made before must not run any more.
    /// </summary>
    /// <param name="model">The model in which they replace those of the same name and shape.</param>
    /// <param name="factor">The factor.</param>
    public ITransformerModel In(ITransformerModel model, double factor)
    {
        foreach (var tensor in _tensors)
        {
            var written = (tensor.Key, factor);
            if (_written.TryGetValue(tensor.Output.Name, out var before) && before == written)
                continue;
            _written.Remove(tensor.Output.Name);
            Write(tensor, factor);
            _written[tensor.Output.Name] = written;
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
