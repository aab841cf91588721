using System.Runtime.InteropServices;
using MergeTasks.Numerics.Threads;

namespace MergeTasks.Transformers.Engine;

/// <summary>Fills memory with a parameter's elements from a place on.</summary>
/// <param name="start">First element, in row-major order.</param>
/// <param name="destination">Filled completely.</param>
internal delegate void ElementReader(long start, Span<float> destination);

/// <summary>
/// Elements that are computed when they are asked for: into memory of their own where all are, and past it where a few are.
/// </summary>
/// <param name="count">How many.</param>
/// <param name="readers">Begins reading on one thread.</param>
internal sealed unsafe class ComputedElements(long count, Func<ElementReader> readers)
{
    private const nuint CacheLine = 64;
    private const int ChunkLength = 1 << 20;

    private readonly Lock _lock = new();
    private ElementReader? _few;
    private float* _whole;

    ~ComputedElements() => NativeMemory.AlignedFree(_whole);

    /// <summary>The first byte of all of them; valid until <see cref="Release"/>.</summary>
    public byte* Whole()
    {
        lock (_lock)
        {
            if (_whole is null)
            {
                var memory = (float*)NativeMemory.AlignedAlloc((nuint)Math.Max(1, count) * sizeof(float), CacheLine);
                try
                {
                    Fill(memory);
                }
                catch
                {
                    NativeMemory.AlignedFree(memory);
                    throw;
                }

                _whole = memory;
            }

            return (byte*)_whole;
        }
    }

    /// <summary>Copies some of them.</summary>
    public void CopyTo(long start, Span<float> destination)
    {
        lock (_lock)
        {
            if (_whole is null)
            {
                (_few ??= readers())(start, destination);
                return;
            }

            for (var done = 0; done < destination.Length; done += ChunkLength)
            {
                var part = destination.Slice(done, Math.Min(ChunkLength, destination.Length - done));
                new ReadOnlySpan<float>(_whole + start + done, part.Length).CopyTo(part);
            }
        }
    }

    /// <summary>Gives the memory back.</summary>
    public void Release()
    {
        lock (_lock)
        {
            NativeMemory.AlignedFree(_whole);
            _whole = null;
            _few = null;
        }
    }

    // In chunks on all cores, because rows are dequantised one by one.
    private void Fill(float* memory)
    {
        var chunks = (int)((count + ChunkLength - 1) / ChunkLength);
        using var reader = new ThreadLocal<ElementReader>(readers);
        Workers.For(Math.Min(chunks, Environment.ProcessorCount), chunks, chunk =>
        {
            var start = (long)chunk * ChunkLength;
            reader.Value!(start, new Span<float>(memory + start, (int)Math.Min(ChunkLength, count - start)));
        });
    }
}
