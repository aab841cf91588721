using MergeTasks.Caching;
using MergeTasks.Checkpoints;
using MergeTasks.Merging.Methods;
using MergeTasks.Merging.Planning;

namespace MergeTasks.Merging.Execution;

/// <summary>One thread's memory: the block it works on, and a window of each input's stored bytes.</summary>
/// <remarks>
/// Files are read a window at a time, long enough that the system call is cheap and short enough that all windows stay in the second-level
/// cache; blocks, whose fp32 values stay in the first-level cache, are converted from there.
/// </remarks>
internal sealed class MergeWorker(int number)
{
    /// <summary>Most elements of a window; a multiple of <see cref="TensorMerge.BlockLength"/>.</summary>
    public const int WindowLength = 32 * TensorMerge.BlockLength;

    private Window[] _windows = [];
    private DType? _castTo;
    private long _end;

    public MergeBlock Block { get; } = new(number);

    public FourthOrderSums Sums { get; } = new();

    /// <summary>Turns to the merge of a tensor.</summary>
    public void TurnTo(TensorPlan plan)
    {
        _windows = [.. plan.Sources.Select((source, i) =>
            new Window(source.Model.Weights.FileOf(source.Tensor), source.Model.Weights.Find(source.Tensor)!.Offset, source.DType, i < _windows.Length ? _windows[i].Bytes : null))];
        Block.Reserve(_windows.Length + 2 + (plan.Importance is null ? 0 : Importance.TensorImportanceMerge.OwnBuffers));
        _castTo = plan.Context!.CompatibleDType;
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
        var window = _windows[input];
        var bytes = window.Read(start, destination.Length, _end);
        ElementConversion.ToSingle(window.DType, bytes, destination);
        if (_castTo is { } cast && cast != window.DType)
            ElementConversion.Round(cast, destination);
    }

    private sealed class Window(SafetensorsFile file, long offset, DType dtype, AlignedMemory<byte>? bytes)
    {
        private readonly int _size = dtype.Size();
        private long _start;
        private int _count;

        public DType DType => dtype;

        public AlignedMemory<byte>? Bytes { get; private set; } = bytes;

        public ReadOnlySpan<byte> Read(long start, int count, long end)
        {
            if (start < _start || start + count > _start + _count)
                Fill(start, (int)Math.Max(count, Math.Min(WindowLength, end - start)));
            return Bytes!.Span.Slice((int)(start - _start) * _size, count * _size);
        }

        private void Fill(long start, int count)
        {
            _count = 0;
            if (Bytes is null || Bytes.Length < count * _size)
                Bytes = new AlignedMemory<byte>(WindowLength * _size);
            file.Read(offset + (start * _size), Bytes.Span[..(count * _size)]);
            (_start, _count) = (start, count);
        }
    }
}
