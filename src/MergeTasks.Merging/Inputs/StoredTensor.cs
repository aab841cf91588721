using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Methods.Contract;

namespace MergeTasks.Merging.Inputs;

/// <summary>A tensor as a safetensors file holds it.</summary>
/// <param name="file">The file, open for as long as the tensor is read.</param>
/// <param name="info">The tensor.</param>
internal sealed class StoredTensor(SafetensorsFile file, TensorInfo info) : TensorContent
{
    /// <summary>Most elements of a window; a multiple of <see cref="TensorMerge.BlockLength"/>.</summary>
    /// <remarks>
    /// Files are read a window at a time, long enough that the system call is cheap and short enough that all windows stay in the
    /// second-level cache; blocks, whose fp32 values stay in the first-level cache, are converted from there.
    /// </remarks>
    internal const int WindowLength = 32 * TensorMerge.BlockLength;

    /// <summary>The file.</summary>
    public SafetensorsFile File => file;

    /// <summary>Name, type, shape and place.</summary>
    public TensorInfo Info => info;

    /// <inheritdoc/>
    public override DType DType => info.DType;

    /// <inheritdoc/>
    public override StoredTensor Stored => this;

    /// <inheritdoc/>
    public override TensorReader NewReader(WindowMemory memory) => new Window(file, info, memory);

    private sealed class Window(SafetensorsFile file, TensorInfo info, WindowMemory memory) : TensorReader
    {
        private readonly int _size = info.DType.Size();
        private long _start;
        private int _count;

        public override void Read(long start, Span<float> destination, long until)
        {
            if (start < _start || start + destination.Length > _start + _count)
                Fill(start, (int)Math.Min(Math.Max(WindowLength, destination.Length), Math.Max(until, start + destination.Length) - start));
            ElementConversion.ToSingle(
                info.DType, memory.Take(_count * _size).Slice((int)(start - _start) * _size, destination.Length * _size), destination);
        }

        private void Fill(long start, int count)
        {
            _count = 0;
            file.Read(info.Offset + (start * _size), memory.Take(Math.Max(count, WindowLength) * _size)[..(count * _size)]);
            (_start, _count) = (start, count);
        }
    }
}
