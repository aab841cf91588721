using System.Numerics.Tensors;

namespace MergeTasks.Merging.Measuring;

/// <summary>
/// How much inner products of changes and gradient depend on the samples: what groups of samples add to each tensor's. Passes follow each
/// other; of more than <see cref="MostGroups"/>, some are one group.
/// </summary>
/// <param name="tensors">Number of tensors.</param>
internal sealed class ProductSpread(int tensors)
{
    /// <summary>Fewest groups of which an interval is told.</summary>
    public const int FewestGroups = 3;

    private const int MostGroups = 32;
    private const string PartsName = "products of groups of samples";
    private const string SharesName = "shares of groups of samples";

    private readonly double[] _before = new double[tensors];
    private readonly List<double[]> _parts = [];
    private readonly List<double> _shares = [];
    private int _passes;

    /// <summary>What is kept beside the products.</summary>
    public IEnumerable<(string Name, double[] Values)> Lists => _shares.Count == 0 ? []
        : [(PartsName, [.. _parts.SelectMany(part => part)]), (SharesName, [.. _shares])];

    /// <summary>Adds a pass.</summary>
    /// <param name="sums">The products so far, by tensor.</param>
    /// <param name="share">The pass's share of the samples.</param>
    public void Add(IReadOnlyList<double> sums, double share)
    {
        AddGroup([.. sums.Select((sum, tensor) => sum - _before[tensor])], share);
        sums.ToArray().CopyTo(_before, 0);
    }

    /// <summary>Adds what was kept of passes that followed each other.</summary>
    /// <returns>The rest of a score's lists.</returns>
    public Dictionary<string, double[]> Take(IReadOnlyDictionary<string, double[]> kept)
    {
        if (kept.TryGetValue(PartsName, out var parts) && kept.TryGetValue(SharesName, out var shares))
        {
            for (var group = 0; group < shares.Length; group++)
                AddGroup(parts.AsSpan(group * tensors, tensors), shares[group]);
        }

        return kept.Where(list => list.Key is not (PartsName or SharesName)).ToDictionary(StringComparer.Ordinal);
    }

    private void AddGroup(ReadOnlySpan<double> products, double share)
    {
        var group = _passes++ % MostGroups;
        if (group == _parts.Count)
        {
            _parts.Add(new double[tensors]);
            _shares.Add(0);
        }

        _shares[group] += share;
        TensorPrimitives.Add(_parts[group], products, _parts[group]);
    }

    /// <summary>
    /// Reads, of what was kept, half of the interval in which the sum of some tensors' products lies with 95 %, were other samples of the
    /// same task taken: Student's, of the groups' differences from the whole. <see langword="null"/>: there are too few groups.
    /// </summary>
    /// <param name="kept">What was kept, by name.</param>
    /// <returns>Gives it for the places of some tensors.</returns>
    public static Func<IReadOnlyList<int>, double>? Within(IReadOnlyDictionary<string, double[]> kept)
    {
        if (!kept.TryGetValue(PartsName, out var parts) || !kept.TryGetValue(SharesName, out var shares) || shares.Length < FewestGroups)
            return null;
        var tensors = parts.Length / shares.Length;
        return places =>
        {
            var own = shares.Select((_, group) => places.Sum(place => parts[(group * tensors) + place])).ToList();
            var sum = own.Sum();
            var squares = own.Select((value, group) => Math.Pow(value - (shares[group] * sum), 2)).Sum();
            return StudentQuantile.Of(shares.Length - 1) * Math.Sqrt(squares * shares.Length / (shares.Length - 1));
        };
    }
}
