using MergeTasks.Merging.Methods;

namespace MergeTasks.Merging.Importance;

/// <summary>Drops elements of one model's deltas and, if asked, divides the others by the keep ratio.</summary>
internal sealed class DeltaDrop
{
    private const int WordsAtOnce = 32;

    private readonly AplDeclaration _apl;
    private readonly Dictionary<string, (DeltaTensor Tensor, double[] Ratios, TensorCut? Cut)> _tensors;
    private readonly KeptGradient? _gradient;
    private readonly long _seed;
    private readonly int _position;

    /// <summary>A rule with its numbers.</summary>
    /// <param name="apl">The settings.</param>
    /// <param name="partition">The model's tensors.</param>
    /// <param name="keep">How much is kept of each.</param>
    /// <param name="cuts">Which elements, for rules by rank.</param>
    /// <param name="gradient">The gradient, for the rule by importance.</param>
    /// <param name="seed">Seed of random masks.</param>
    /// <param name="position">The model's position in the merge.</param>
    public DeltaDrop(AplDeclaration apl, DeltaPartition partition, ModelKeep keep, TensorCut[]? cuts, KeptGradient? gradient, long seed, int position)
    {
        _apl = apl;
        _tensors = partition.Tensors.Select((tensor, i) => (Tensor: tensor, Ratios: keep.Ratios[i], Cut: cuts?[i])).ToDictionary(entry => entry.Tensor.Name, StringComparer.Ordinal);
        _gradient = gradient;
        _seed = seed;
        _position = position;
    }

    /// <summary>Drops elements of one block.</summary>
    /// <param name="name">The tensor.</param>
    /// <param name="start">Flat index of the first element, a multiple of 32.</param>
    /// <param name="delta">The block's deltas.</param>
    public void Apply(string name, long start, Span<float> delta)
    {
        var (tensor, ratios, cut) = _tensors[name];
        if (cut is null)
            DropRandomly(name, tensor, ratios, start, delta);
        else
            DropByRank(name, cut, start, delta);
        if (_apl.Rescales)
            Rescale(tensor, ratios, start, delta);
    }

    private void DropByRank(string name, TensorCut cut, long start, Span<float> delta)
    {
        var ranks = new uint[delta.Length];
        var gradient = _gradient is null ? [] : new float[delta.Length];
        _gradient?.Read(name, start, gradient);
        TensorCut.Rank(delta, gradient, ranks);
        cut.Apply(start, delta, ranks);
    }

    private void DropRandomly(string name, DeltaTensor tensor, double[] ratios, long start, Span<float> delta)
    {
        var philox = new Philox(_seed, name, _position);
        if (ratios.Length == 1)
        {
            if (ratios[0] < 1)
                philox.Keep(start, (float)ratios[0], delta);
            return;
        }

        Span<uint> words = stackalloc uint[WordsAtOnce];
        for (var i = 0; i < delta.Length; i++)
        {
            if (i % WordsAtOnce == 0)
                philox.Draw(start + i, words);
            var ratio = ratios[tensor.UnitOf(start + i)];
            if (ratio < 1 && words[i % WordsAtOnce] >= Philox.Limit((float)ratio))
                delta[i] = 0;
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
