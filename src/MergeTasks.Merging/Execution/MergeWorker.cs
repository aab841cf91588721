using MergeTasks.Caching;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Merging.Execution.Importance;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Planning.Tensors;
using MergeTasks.Methods.Contract;

namespace MergeTasks.Merging.Execution;

/// <summary>One thread's memory: the block it works on, and a window of each input's stored bytes.</summary>
internal sealed class MergeWorker(int number)
{
    private readonly List<WindowMemory> _memory = [];
    private (TensorReader Reader, long Length, DType? CastTo)[] _inputs = [];
    private IReadOnlyList<TensorSource> _sources = [];
    private bool _keepsNonFinite;
    private long _end;

    public MergeBlock Block { get; } = new(number);

    public FourthOrderSums Sums { get; } = new();

    /// <summary>Turns to the merge of a tensor.</summary>
    public void TurnTo(TensorPlan plan, IReadOnlyList<TensorContent> sources)
    {
        _sources = plan.Sources;
        while (_memory.Count < sources.Count)
            _memory.Add(new WindowMemory());
        var castTo = plan.Context!.CompatibleDType;
        _keepsNonFinite = plan.Context.KeepsNonFinite;
        _inputs = [
            .. sources.Select((source, i) =>
                (source.NewReader(_memory[i]),
                    source.Stored?.Info.ElementCount ?? plan.Context.ElementCount,
                    source.DType == castTo ? null : castTo))
        ];
        Block.Reserve(_inputs.Length + 2 + (plan.Importance is null ? 0 : Importance.TensorImportanceMerge.OwnBuffers));
    }

    /// <summary>Calls <paramref name="action"/> with blocks of a tensor, in order.</summary>
    /// <param name="first">The first block's number.</param>
    /// <param name="end">The number after the last one's.</param>
    /// <param name="elementCount">Elements of the tensor.</param>
    /// <param name="action">Finds its block in <see cref="Block"/>.</param>
    public void ForEachBlock(long first, long end, long elementCount, Action<MergeBlock> action)
    {
        _end = Math.Min(elementCount, end * TensorMerge.BlockLength);
        for (var index = first; index < end; index++)
        {
            Block.MoveTo(index, elementCount, Read);
            action(Block);
        }
    }

    private void Read(int input, long start, Span<float> destination)
    {
        var (reader, length, castTo) = _inputs[input];
        reader.Read(start, destination, Math.Min(_end, length));
        if (!_keepsNonFinite)
            FiniteElements.Require(_sources[input], start, destination);
        if (castTo is { } cast)
            ElementConversion.Round(cast, destination);
    }
}
