using MergeTasks.Numerics.Memory;

namespace MergeTasks.Methods.Contract;

/// <summary>Reads elements of the inputs as fp32.</summary>
/// <param name="input">Index into <see cref="TensorContext.Inputs"/>.</param>
/// <param name="start">First element.</param>
/// <param name="destination">Filled completely.</param>
internal delegate void ElementReader(int input, long start, Span<float> destination);

/// <summary>One worker's view of the block it works on, with memory that it reuses from block to block.</summary>
public sealed class MergeBlock
{
    // Not a multiple of the page size, so that the same place in two buffers is not taken for the same address.
    internal const int BufferStride = TensorMerge.BlockLength + 64;

    private AlignedMemory<float> _buffers = new(BufferStride);
    private ElementReader? _read;
    private long _elementCount;

    internal MergeBlock(int worker) => Worker = worker;

    /// <summary>
    /// The worker's number, from 0 and below <see cref="TensorContext.Workers"/>; whoever needs memory of a worker's own keeps it by this.
    /// </summary>
    public int Worker { get; }

    /// <summary>The block's number.</summary>
    public long Index { get; private set; }

    /// <summary>Its first element.</summary>
    public long Start => Index * TensorMerge.BlockLength;

    /// <summary>Its elements.</summary>
    public int Count { get; private set; }

    /// <summary>Where the merged elements go.</summary>
    public Span<float> Output => _buffers.Span[..Count];

    /// <summary>Makes room for the buffers of a tensor's merge; earlier ones are lost.</summary>
    /// <param name="slots">Number of buffers.</param>
    internal void Reserve(int slots)
    {
        if (_buffers.Length < (slots + 1) * BufferStride)
            _buffers = new AlignedMemory<float>((slots + 1) * BufferStride);
    }

    /// <summary>Turns to a block.</summary>
    internal void MoveTo(long index, long elementCount, ElementReader read)
    {
        Index = index;
        Count = (int)Math.Min(TensorMerge.BlockLength, elementCount - Start);
        _read = read;
        _elementCount = elementCount;
    }

    /// <summary>Puts something between the files and whoever reads this block's inputs from now on, until the next block.</summary>
    internal void ReadThrough(Func<ElementReader, ElementReader> wrap) => _read = wrap(_read!);

    /// <summary>Reads an input's elements into buffer <paramref name="slot"/> and returns them; they may be overwritten.</summary>
    public Span<float> Load(int input, int slot)
    {
        var buffer = Buffer(slot);
        _read!(input, Start, buffer);
        return buffer;
    }

    /// <summary>Reads an input's elements wherever they lie; whoever needs many of them often keeps them.</summary>
    /// <param name="input">Index into <see cref="TensorContext.Inputs"/>.</param>
    /// <param name="start">First element.</param>
    /// <param name="destination">Filled completely.</param>
    /// <param name="elementCount">Elements of the input, where it has not the merged tensor's shape.</param>
    public void Load(int input, long start, Span<float> destination, long? elementCount = null)
    {
        var elements = elementCount ?? _elementCount;
        // Whole blocks, as they are read otherwise.
        Span<float> whole = stackalloc float[TensorMerge.BlockLength];
        for (var position = start; position < start + destination.Length;)
        {
            var first = position / TensorMerge.BlockLength * TensorMerge.BlockLength;
            var block = whole[..(int)Math.Min(TensorMerge.BlockLength, elements - first)];
            _read!(input, first, block);
            var part = block[(int)(position - first)..];
            part = part[..(int)Math.Min(part.Length, start + destination.Length - position)];
            part.CopyTo(destination[(int)(position - start)..]);
            position += part.Length;
        }
    }

    /// <summary>Reads an input's elements into <see cref="Output"/>.</summary>
    public void LoadOutput(int input) => _read!(input, Start, Output);

    /// <summary>A buffer of the block's length; its content is whatever was left there.</summary>
    /// <param name="slot">From 0; there are two more than inputs.</param>
    public Span<float> Buffer(int slot) => _buffers.Span.Slice((slot + 1) * BufferStride, Count);

    /// <summary>As the other overload, with a length of its own, at most <see cref="TensorMerge.BlockLength"/>.</summary>
    internal Span<float> Buffer(int slot, int length) => _buffers.Span.Slice((slot + 1) * BufferStride, length);

    /// <summary>The buffers from <paramref name="slot"/> on, <see cref="BufferStride"/> elements from one to the next.</summary>
    internal ReadOnlySpan<float> BuffersFrom(int slot) => _buffers.Span[((slot + 1) * BufferStride)..];
}
