using System.Numerics.Tensors;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Execution;
using MergeTasks.Transformers.Parameters;

namespace MergeTasks.Transformers.Blocks;

/// <summary>
/// What is added to scores by how far a key lies from its query: for each head one number per distance, from −(length − 1) to length − 1.
/// </summary>
internal sealed class PositionBias
{
    private readonly PositionBiasSpec _spec;
    private readonly Parameter? _table;

    /// <summary>Binds the table, if there is one.</summary>
    public PositionBias(PositionBiasSpec spec, int heads, ParameterSet parameters)
    {
        _spec = spec;
        _table = spec is DistanceTableSpec table ? parameters.Get(table.Table, table.Classes, heads) : null;
    }

    /// <summary>Whether the numbers are learned.</summary>
    public bool IsLearned => _table is not null;

    /// <summary>The numbers of all heads for sequences of a length, [heads][distance + length − 1].</summary>
    public static float[][] ByDistance(PositionBiasSpec spec, int heads, int length, Func<float[]> table)
    {
        if (spec is AlibiSpec alibi)
            return [.. alibi.Slopes.Select(slope => Distances(length).Select(distance => (float)(slope * distance)).ToArray())];
        var (classes, values) = ((DistanceTableSpec)spec, table());
        return [
            .. Enumerable.Range(0, heads)
                .Select(head => Distances(length).Select(distance => values[classes.ClassOf(distance) * heads + head]).ToArray())
        ];
    }

    /// <inheritdoc cref="ByDistance(PositionBiasSpec, int, int, Func{float[]})"/>
    public float[][] ByDistance(int heads, int length) => ByDistance(_spec, heads, length, () => _table!.ToSingles());

    /// <summary>Hands out the gradient of a learned table.</summary>
    /// <param name="pass">The run.</param>
    /// <param name="heads">Number of heads.</param>
    /// <param name="byDistance">The gradients of <see cref="ByDistance(int, int)"/>, of each sequence and head.</param>
    public void Give(Pass pass, int heads, IEnumerable<(int Head, float[] Gradient)> byDistance)
    {
        var classes = (DistanceTableSpec)_spec;
        var sums = new float[classes.Classes * heads];
        foreach (var (head, gradient) in byDistance)
        {
            var farthest = gradient.Length / 2;
            for (var i = 0; i < gradient.Length; i++)
                sums[classes.ClassOf(i - farthest) * heads + head] += gradient[i];
        }

        _table!.Give(pass, sums);
    }

    private static IEnumerable<int> Distances(int length) => Enumerable.Range(1 - length, 2 * length - 1);

    /// <summary>Adds one query's numbers to its scores, or its scores' gradients to the numbers' gradient.</summary>
    /// <param name="byDistance">A head's numbers or their gradient.</param>
    /// <param name="query">The query.</param>
    /// <param name="firstKey">The first key.</param>
    /// <param name="keys">Number of keys.</param>
    public static Span<float> Part(float[] byDistance, int query, int firstKey, int keys) =>
        byDistance.AsSpan(firstKey - query + byDistance.Length / 2, keys);

    /// <summary>to += from.</summary>
    public static void Add(ReadOnlySpan<float> from, Span<float> to) => TensorPrimitives.Add(to, from, to);
}
