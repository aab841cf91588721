using MergeTasks.Numerics.Memory;

namespace MergeTasks.Numerics.Products;

/// <summary>
/// Packs a group of panels of B in steps, so that a group can be packed while the one before is multiplied: each step's memory is asked
/// for one step ahead. Panels lie one after the other, each over the whole depth.
/// </summary>
/// <remarks>
/// A step reads few rows far along: rows are often a power of two apart, and then many of them share few sets of a cache.
/// </remarks>
internal unsafe struct PanelFeeder<TElement, TOperand>(TOperand b, bool transposed, int width)
    where TElement : unmanaged
    where TOperand : struct, IPanelSource<TElement>
{
    // Whole cache lines of a row in every format.
    private const int DepthAlongRows = 128;
    private const int RowsAcrossDepth = 32;

    private readonly int _depthPerStep = transposed ? DepthAlongRows : RowsAcrossDepth;
    private byte* _source;
    private TElement* _target;
    private int _lanes;
    private int _lanesPerStep;
    private int _depth;
    private int _stepsAlongDepth;
    private int _steps;
    private int _done;

    /// <summary>Turns to the panels of the columns from <paramref name="column"/> on, <paramref name="lanes"/> of them.</summary>
    public void Begin(int column, int lanes, int firstDepth, int depth, TElement* target)
    {
        nint row = transposed ? column : firstDepth, inRow = transposed ? firstDepth : column;
        _source = b.Data + (row * b.Stride + inRow) * b.ElementSize;
        _target = target;
        _lanes = lanes;
        _lanesPerStep = transposed ? width : lanes;
        _depth = depth;
        _stepsAlongDepth = (depth + _depthPerStep - 1) / _depthPerStep;
        _steps = _stepsAlongDepth * ((lanes + _lanesPerStep - 1) / _lanesPerStep);
        _done = 0;
        Prefetch(0);
    }

    /// <summary>Turns to no group: there is nothing to pack.</summary>
    public void Rest() => _done = _steps = 0;

    /// <summary>Packs as much of the group as <paramref name="part"/> is of <paramref name="whole"/>.</summary>
    public void Advance(int part, int whole)
    {
        var end = part >= whole ? _steps : (int)((long)_steps * part / whole);
        for (; _done < end; _done++)
        {
            Prefetch(_done + 1);
            Pack();
        }
    }

    private readonly (int Lane, int Lanes, int First, int Depth) Part(int step)
    {
        var lane = step / _stepsAlongDepth * _lanesPerStep;
        var first = step % _stepsAlongDepth * _depthPerStep;
        return (lane, Math.Min(_lanesPerStep, _lanes - lane), first, Math.Min(_depthPerStep, _depth - first));
    }

    private readonly void Prefetch(int step)
    {
        if (step >= _steps)
            return;
        var (lane, lanes, first, depth) = Part(step);
        var size = b.ElementSize;
        if (transposed)
            CacheHints.SoonNeeded(_source + (lane * b.Stride + first) * size, b.Stride * size, lanes, depth * size);
        else
            CacheHints.SoonNeeded(_source + (first * b.Stride + lane) * size, b.Stride * size, depth, lanes * size);
    }

    private readonly void Pack()
    {
        var (firstLane, count, first, depth) = Part(_done);
        for (var lane = firstLane; lane < firstLane + count; lane += width)
        {
            var target = _target + (nint)lane * _depth + (nint)first * width;
            var lanes = Math.Min(width, _lanes - lane);
            if (transposed)
                b.Interleave(_source + (lane * b.Stride + first) * b.ElementSize, lanes, depth, target, width);
            else
                b.Copy(_source + (first * b.Stride + lane) * b.ElementSize, lanes, depth, target, width);
        }
    }
}
