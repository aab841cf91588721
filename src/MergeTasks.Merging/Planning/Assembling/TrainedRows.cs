using System.Numerics.Tensors;

namespace MergeTasks.Merging.Planning.Assembling;

/// <summary>
/// Which tokens look trained (Land and Bartolo 2024, arXiv 2405.05417): not those without a token's text, not the hundredth of the
/// embeddings with the smallest norms where there is a head beside them, and not those that point where unused rows do.
/// </summary>
internal static class TrainedRows
{
    // The share that is taken for untrained, and the cosine with unused rows from which on a row may be.
    private const double Share = 0.01;
    private const double LeastCosine = 0.5;
    private const double LeastLength = 1e-8;

    private static readonly string[] Reserved = ["unused_token", "reserved_special_token"];

    /// <summary>Looks at a model's rows.</summary>
    /// <param name="vocabulary">Its tokens and their ids.</param>
    /// <param name="embeddings">Its embeddings.</param>
    /// <param name="head">Its head; <see langword="null"/>: none of its own.</param>
    /// <returns>For each row of the embeddings, whether it looks trained.</returns>
    public static bool[] Of(IEnumerable<KeyValuePair<string, int>> vocabulary, TableRows embeddings, TableRows? head)
    {
        var isUnused = new bool[embeddings.Count];
        Array.Fill(isUnused, true);
        foreach (var (token, id) in vocabulary)
        {
            if (id < isUnused.Length)
                isUnused[id] = Array.Exists(Reserved, word => token.Contains(word, StringComparison.Ordinal));
        }

        var trained = Array.ConvertAll(isUnused, unused => !unused);
        if (head is not null)
        {
            var norms = new double[embeddings.Count];
            embeddings.ForEach((row, values) => norms[row] = TensorPrimitives.Norm(values));
            LeaveOut(trained, norms, Quantile(norms, Share), above: false);
        }

        foreach (var table in new[] { embeddings, head })
        {
            if (table is null || Mean(table, isUnused) is not { } mean)
                continue;
            var cosines = new double[embeddings.Count];
            var length = Math.Max(LeastLength, TensorPrimitives.Norm<double>(mean));
            table.ForEach((row, values) =>
            {
                if (row < cosines.Length)
                    cosines[row] = Product(values, mean) / (Math.Max(LeastLength, TensorPrimitives.Norm(values)) * length);
            });
            LeaveOut(trained, cosines, Math.Max(LeastCosine, Quantile(cosines, 1 - Share)), above: true);
        }

        return trained;
    }

    private static void LeaveOut(bool[] trained, double[] values, double limit, bool above)
    {
        for (var row = 0; row < trained.Length; row++)
            trained[row] &= above ? values[row] <= limit : values[row] >= limit;
    }

    private static double[]? Mean(TableRows table, bool[] isUnused)
    {
        var (sum, count) = (new double[table.Columns], 0);
        table.ForEach((row, values) =>
        {
            if (row >= isUnused.Length || !isUnused[row])
                return;
            count++;
            for (var i = 0; i < sum.Length; i++)
                sum[i] += values[i];
        });
        return count == 0 ? null : Array.ConvertAll(sum, value => value / count);
    }

    private static double Product(ReadOnlySpan<float> a, double[] b)
    {
        var sum = 0.0;
        for (var i = 0; i < b.Length; i++)
            sum += a[i] * b[i];
        return sum;
    }

    // Between the two nearest values, linearly.
    private static double Quantile(double[] values, double share)
    {
        var sorted = values.Order().ToArray();
        var place = share * (sorted.Length - 1);
        var below = (int)place;
        return below + 1 < sorted.Length
            ? sorted[below] + ((place - below) * (sorted[below + 1] - sorted[below]))
            : sorted[^1];
    }
}
