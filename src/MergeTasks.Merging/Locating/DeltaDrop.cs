using MergeTasks.Language.Importance;
using MergeTasks.Merging.Measuring;
using MergeTasks.Methods.Kernels;
using MergeTasks.Methods.Random;

namespace MergeTasks.Merging.Locating;

/// <summary>Drops elements of one model's deltas and multiplies the others.</summary>
internal sealed class DeltaDrop
{
    private readonly Dictionary<string, (DeltaTensor Tensor, double[] Ratios, TensorCut? Cut, Philox Random)> _tensors;
    private readonly KeptSlopes _slopes;
    private readonly bool _rescalesParts;
    private readonly float _scale;

    /// <summary>A rule with its numbers.</summary>
    /// <param name="apl">The settings.</param>
    /// <param name="partition">The model's tensors.</param>
    /// <param name="keep">How much is kept of each.</param>
    /// <param name="cuts">Which elements, for rules by rank.</param>
    /// <param name="slopes">What ranks are by.</param>
    /// <param name="seed">Seed of random masks.</param>
    /// <param name="position">The model's position in the merge.</param>
    /// <param name="scale">The factor of everything that is kept.</param>
    public DeltaDrop(
        AplDeclaration apl,
        DeltaPartition partition,
        ModelKeep keep,
        TensorCut[]? cuts,
        KeptSlopes slopes,
        long seed,
        int position,
        double scale)
    {
        _tensors = partition.Tensors
            .Select((tensor, i) => (Tensor: tensor, Ratios: keep.Ratios[i], Cut: cuts?[i], Random: Philox.For(seed, tensor.Name, position)))
            .ToDictionary(entry => entry.Tensor.Name, StringComparer.Ordinal);
        (_slopes, _scale) = (slopes, (float)scale);
        _rescalesParts = apl is { Rescale: RescaleRule.Inverse, Budget: BudgetRule.Total };
    }

    /// <summary>Whether what is kept stays as it is.</summary>
    public bool KeepsValues => _scale == 1 && !_rescalesParts;

    /// <summary>Whether a tensor stays as it is.</summary>
    public bool KeepsAll(string name) => _scale == 1 && _tensors[name] is var (_, ratios, cut, _)
        && (cut is null
            ? Array.TrueForAll(ratios, ratio => ratio >= 1)
            : cut.KeepsAll && (!_rescalesParts || Array.TrueForAll(ratios, ratio => ratio >= 1)));

    /// <summary>Drops elements of one block.</summary>
    /// <param name="name">The tensor.</param>
    /// <param name="start">Flat index of the first element, a multiple of <see cref="Philox.Group"/>.</param>
    /// <param name="delta">The block's deltas.</param>
    public void Apply(string name, long start, Span<float> delta)
    {
        var (tensor, ratios, cut, random) = _tensors[name];
        if (cut is null)
            DropRandomly(random, tensor, ratios, start, delta);
        else
            DropByRank(name, cut, start, delta);
        if (_rescalesParts)
            Rescale(tensor, ratios, start, delta);
        else if (_scale != 1)
            BlockMath.Multiply(delta, _scale);
    }

    private void DropByRank(string name, TensorCut cut, long start, Span<float> delta)
    {
        const int piece = 2048;
        Span<uint> ranks = stackalloc uint[piece];
        for (var done = 0; done < delta.Length; done += piece)
        {
            var part = delta.Slice(done, Math.Min(piece, delta.Length - done));
            var own = ranks[..part.Length];
            _slopes.Rank(name, start + done, part, own);
            cut.Apply(start + done, part, own);
        }
    }

    private static void DropRandomly(Philox random, DeltaTensor tensor, double[] ratios, long start, Span<float> delta)
    {
        var kept = new ulong[(delta.Length + Philox.Group - 1) / Philox.Group];
        if (ratios.Length > 1)
            KeepByUnit(random, tensor, ratios, start, delta.Length, kept);
        else if (ratios[0] < 1)
            random.Keep(start, (float)ratios[0], kept);
        else
            return;
        KeptBits.Apply(kept, delta);
    }

    // An element's number decides against its own unit's ratio, so a group of elements is asked once for each unit in it.
    private static void KeepByUnit(Philox random, DeltaTensor tensor, double[] ratios, long start, int count, Span<ulong> kept)
    {
        for (var i = 0; i < count;)
        {
            var unit = tensor.UnitOf(start + i);
            var (group, bit) = (i / Philox.Group, i % Philox.Group);
            var length = 1;
            while (bit + length < Philox.Group && i + length < count && tensor.UnitOf(start + i + length) == unit)
                length++;
            var bits = (length == Philox.Group ? ulong.MaxValue : (1UL << length) - 1) << bit;
            if (ratios[unit] >= 1)
            {
                kept[group] |= bits;
            }
            else
            {
                Span<ulong> own = [0];
                random.Keep(start + ((long)group * Philox.Group), (float)ratios[unit], own);
                kept[group] |= own[0] & bits;
            }

            i += length;
        }
    }

    private static void Rescale(DeltaTensor tensor, double[] ratios, long start, Span<float> delta)
    {
        if (ratios.Length == 1)
        {
            if (ratios[0] < 1)
                BlockMath.Multiply(delta, (float)(1 / ratios[0]));
            return;
        }

        for (var i = 0; i < delta.Length; i++)
            delta[i] *= (float)(1 / ratios[tensor.UnitOf(start + i)]);
    }
}
