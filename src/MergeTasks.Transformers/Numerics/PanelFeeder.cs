using System.Runtime.CompilerServices;

namespace MergeTasks.Transformers.Numerics;

/// <summary>
/// Packs a group of panels of B, one slice of the depth at a time, so that a group can be packed while the one before is multiplied: each
/// slice is asked for one step ahead. Panels lie one after the other, each over the whole depth.
/// </summary>
internal unsafe struct PanelFeeder(WeightMatrix b, bool transposed, int width)
{
    // Whole cache lines of a row in every format.
    private const int Slice = 32;

    private byte* _source;
    private float* _target;
    private int _lanes;
    private int _depth;
    private int _packed;

    /// <summary>Turns to the panels of the columns from <paramref name="column"/> on, <paramref name="lanes"/> of them.</summary>
    public void Begin(int column, int lanes, int firstDepth, int depth, float* target)
    {
        nint row = transposed ? column : firstDepth, inRow = transposed ? firstDepth : column;
        _source = b.Data + (row * b.Stride + inRow) * b.ElementSize;
        _target = target;
        _lanes = lanes;
        _depth = depth;
        _packed = 0;
        Prefetch(0);
    }

    /// <summary>Turns to no group: there is nothing to pack.</summary>
    public void Rest() => _packed = _depth = 0;

    /// <summary>Packs as much of the group as <paramref name="part"/> is of <paramref name="whole"/>.</summary>
    public void Advance(int part, int whole)
    {
        var end = part >= whole ? _depth : (int)((long)_depth * part / whole);
        while (_packed < end)
        {
            Prefetch(_packed + Slice);
            Pack(Math.Min(Slice, _depth - _packed));
        }
    }

    private readonly void Prefetch(int from)
    {
        var depth = Math.Min(Slice, _depth - from);
        if (depth <= 0)
            return;
        var size = b.ElementSize;
        if (transposed)
            CacheHints.SoonNeeded(_source + (nint)from * size, b.Stride * size, _lanes, depth * size);
        else
            CacheHints.SoonNeeded(_source + from * b.Stride * size, b.Stride * size, depth, _lanes * size);
    }

    private void Pack(int depth)
    {
        switch (b.Format)
        {
            case WeightFormat.BFloat16:
                Pack<BFloat16Element>(depth);
                break;
            case WeightFormat.Float16:
                Pack<Float16Element>(depth);
                break;
            default:
                Pack<Float32Element>(depth);
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Pack<TElement>(int depth)
        where TElement : struct, IWeightElement
    {
        for (var lane = 0; lane < _lanes; lane += width)
        {
            var target = _target + (nint)lane * _depth + (nint)_packed * width;
            var lanes = Math.Min(width, _lanes - lane);
            if (transposed)
                PanelPacking.Interleave<TElement>(_source + (lane * b.Stride + _packed) * TElement.Size, b.Stride, lanes, depth, target, width);
            else
                PanelPacking.Copy<TElement>(_source + (_packed * b.Stride + lane) * TElement.Size, b.Stride, lanes, depth, target, width);
        }

        _packed += depth;
    }
}
