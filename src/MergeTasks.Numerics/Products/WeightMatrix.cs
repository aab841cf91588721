namespace MergeTasks.Numerics.Products;

/// <summary>
/// A row-major matrix that stays where it is, in its own element format (usually in a memory-mapped shard), as the right operand of a
/// <see cref="MatrixProduct"/>. No alignment is assumed. The caller keeps the memory mapped or pinned while the view is used.
/// </summary>
internal readonly unsafe struct WeightMatrix : IPanelSource<float>
{
    /// <param name="data">First element.</param>
    /// <param name="format">Element format.</param>
    /// <param name="rows">Number of rows, at least 0.</param>
    /// <param name="columns">Number of columns, at least 0.</param>
    /// <param name="stride">Elements from one row to the next, at least <paramref name="columns"/>; 0 means exactly that.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is negative or the stride is shorter than a row.</exception>
    public WeightMatrix(void* data, WeightFormat format, int rows, int columns, long stride = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        ArgumentOutOfRangeException.ThrowIfNegative(columns);
        if (stride == 0)
            stride = columns;
        ArgumentOutOfRangeException.ThrowIfLessThan(stride, columns);
        Data = (byte*)data;
        Format = format;
        Rows = rows;
        Columns = columns;
        Stride = (nint)stride;
    }

    /// <summary>First element.</summary>
    public byte* Data { get; }

    /// <summary>Element format.</summary>
    public WeightFormat Format { get; }

    /// <summary>Number of rows.</summary>
    public int Rows { get; }

    /// <summary>Number of columns.</summary>
    public int Columns { get; }

    /// <summary>Elements from one row to the next.</summary>
    public nint Stride { get; }

    /// <summary>Bytes per element.</summary>
    public int ElementSize => Format == WeightFormat.Float32 ? sizeof(float) : sizeof(ushort);

    /// <summary>The view of <paramref name="count"/> rows from <paramref name="first"/> on (heads, experts, fused projections).</summary>
    /// <exception cref="ArgumentOutOfRangeException">The rows lie outside this matrix.</exception>
    public WeightMatrix SliceRows(int first, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)first + count, Rows);
        return new WeightMatrix(Data + first * Stride * ElementSize, Format, count, Columns, Stride);
    }

    /// <inheritdoc/>
    public void Interleave(byte* source, int lanes, int depth, float* target, int width)
    {
        switch (Format)
        {
            case WeightFormat.BFloat16:
                PanelPacking.Interleave<BFloat16Element>(source, Stride, lanes, depth, target, width);
                break;
            case WeightFormat.Float16:
                PanelPacking.Interleave<Float16Element>(source, Stride, lanes, depth, target, width);
                break;
            default:
                PanelPacking.Interleave<Float32Element>(source, Stride, lanes, depth, target, width);
                break;
        }
    }

    /// <inheritdoc/>
    public void Copy(byte* source, int lanes, int depth, float* target, int width)
    {
        switch (Format)
        {
            case WeightFormat.BFloat16:
                PanelPacking.Copy<BFloat16Element>(source, Stride, lanes, depth, target, width);
                break;
            case WeightFormat.Float16:
                PanelPacking.Copy<Float16Element>(source, Stride, lanes, depth, target, width);
                break;
            default:
                PanelPacking.Copy<Float32Element>(source, Stride, lanes, depth, target, width);
                break;
        }
    }
}
