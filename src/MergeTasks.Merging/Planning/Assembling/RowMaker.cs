using System.Numerics.Tensors;
using MergeTasks.Language.Options;
using MergeTasks.Numerics.Products;
using MergeTasks.Numerics.Threads;

namespace MergeTasks.Merging.Planning.Assembling;

/// <summary>
/// Makes the rows of tokens that a model lacks, in its own space. Two ways look in the other model's table which tokens that both have
/// make up the new token there, and take the same mixture of the model's rows:
/// <list type="bullet">
/// <item>orthogonal matching pursuit (arXiv 2506.06607): of the tokens with the largest product with what is left, one after the other,
/// with the coefficients of least squares;</item>
/// <item>interpolation: the nearest tokens, weighted by the inverse of their distance.</item>
/// </list>
/// </summary>
/// <param name="settings">How.</param>
/// <param name="transplant">Which rows.</param>
/// <param name="threads">Most threads to use.</param>
internal sealed class RowMaker(TransplantSettings settings, Transplant transplant, int threads)
{
    // Tokens whose products with all common ones are formed at once.
    private const int Batch = 128;

    /// <summary>Makes the missing rows, one after the other.</summary>
    /// <param name="own">The model's table.</param>
    /// <param name="other">The other model's.</param>
    /// <param name="pieces">Divides tokens.</param>
    public float[] Make(TableRows own, TableRows other, Pieces pieces)
    {
        var rows = new float[checked((long)transplant.Missing.Count * own.Columns)];
        switch (settings.Approximation)
        {
            case RowApproximation.Omp:
                Mix(rows, own, other, Pursue);
                break;
            case RowApproximation.CommonInterpolation:
                Mix(rows, own, other, Interpolate);
                break;
            case RowApproximation.Subword:
                for (var i = 0; i < transplant.Missing.Count; i++)
                    Mean(own, [.. pieces.Of(transplant.Missing[i]).Where(row => row < own.Count)], RowOf(rows, i, own));
                break;
            case RowApproximation.Mean:
                for (var i = 0; i < transplant.Missing.Count; i++)
                {
                    if (i == 0)
                        Mean(own, [.. Enumerable.Range(0, own.Count)], RowOf(rows, i, own));
                    else
                        RowOf(rows, 0, own).CopyTo(RowOf(rows, i, own));
                }

                break;
            default:
                break;
        }

        return rows;
    }

    private static Span<float> RowOf(float[] rows, int row, TableRows table) => rows.AsSpan(checked(row * table.Columns), table.Columns);

    // Sums in fp64, in order.
    private static void Mean(TableRows table, IReadOnlyList<int> rows, Span<float> mean)
    {
        var (sum, row) = (new double[table.Columns], new float[table.Columns]);
        foreach (var one in rows)
        {
            table.Read(one, row);
            for (var i = 0; i < row.Length; i++)
                sum[i] += row[i];
        }

        for (var i = 0; i < row.Length; i++)
            mean[i] = rows.Count == 0 ? 0 : (float)(sum[i] / rows.Count);
    }

    private void Mix(float[] rows, TableRows own, TableRows other, Action<Mixing, int> choose)
    {
        var common = transplant.Common;
        if (common.Count == 0)
            return;
        var theirs = other.Read(common);
        var ours = own.Read([.. common.Select(row => transplant.Found[row])]);
        for (var start = 0; start < transplant.Missing.Count; start += Batch)
        {
            var ids = transplant.Missing.Skip(start).Take(Batch).ToList();
            var mixing = new Mixing(theirs, other.Read(ids), common.Count, ids.Count, other.Columns);
            choose(mixing, Math.Min(settings.Tokens, Math.Min(common.Count, other.Columns)));
            for (var i = 0; i < ids.Count; i++)
            {
                var row = RowOf(rows, start + i, own);
                var sum = new double[own.Columns];
                for (var k = 0; k < mixing.Chosen[i].Count; k++)
                {
                    var atom = ours.AsSpan(checked(mixing.Chosen[i][k] * own.Columns), own.Columns);
                    for (var c = 0; c < sum.Length; c++)
                        sum[c] += mixing.Weights[i][k] * atom[c];
                }

                for (var c = 0; c < sum.Length; c++)
                    row[c] = (float)sum[c];
            }
        }
    }

    private void Pursue(Mixing mixing, int count)
    {
        var products = new float[checked((long)mixing.Targets * mixing.Atoms)];
        var left = mixing.Wanted.ToArray();
        for (var step = 0; step < count; step++)
        {
            MatrixProduct.TimesTransposed(
                new MatrixView(left, mixing.Targets, mixing.Columns),
                new MatrixView(mixing.Table, mixing.Atoms, mixing.Columns),
                new MatrixView(products, mixing.Targets, mixing.Atoms),
                threads: threads);
            Workers.For(threads, mixing.Targets, target =>
            {
                var own = products.AsSpan(checked(target * mixing.Atoms), mixing.Atoms);
                foreach (var taken in mixing.Chosen[target])
                    own[taken] = 0;
                var best = TensorPrimitives.IndexOfMaxMagnitude(own);
                if (own[best] == 0 || !mixing.Add(target, best))
                    return;
                mixing.Subtract(target, left.AsSpan(target * mixing.Columns, mixing.Columns));
            });
        }
    }

    private void Interpolate(Mixing mixing, int count)
    {
        Workers.For(threads, mixing.Targets, target =>
        {
            var wanted = mixing.Target(target);
            var distances = new (double Distance, int Atom)[mixing.Atoms];
            for (var atom = 0; atom < mixing.Atoms; atom++)
            {
                var sum = 0.0;
                var row = mixing.Atom(atom);
                for (var c = 0; c < row.Length; c++)
                    sum += ((double)wanted[c] - row[c]) * ((double)wanted[c] - row[c]);
                distances[atom] = (Math.Sqrt(sum), atom);
            }

            Array.Sort(distances);
            var nearest = distances.AsSpan(0, Math.Min(count, distances.Length)).ToArray();

            // A token with the same row is the token.
            var weights = Array.ConvertAll(nearest, pair => nearest[0].Distance == 0
                ? (pair.Distance == 0 ? 1.0 : 0)
                : 1 / pair.Distance);
            var total = weights.Sum();
            mixing.Chosen[target].AddRange(nearest.Select(pair => pair.Atom));
            mixing.Weights[target] = Array.ConvertAll(weights, weight => weight / total);
        });
    }
}
