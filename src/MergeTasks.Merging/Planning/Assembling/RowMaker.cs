using System.Numerics.Tensors;
using MergeTasks.Language.Options;
using MergeTasks.Merging.Inputs;
using MergeTasks.Numerics.Algebra;
using MergeTasks.Numerics.Threads;

namespace MergeTasks.Merging.Planning.Assembling;

/// <summary>What a table's new rows are made of.</summary>
/// <param name="Own">The model's table.</param>
/// <param name="Other">The other model's.</param>
/// <param name="Pieces">Divides tokens.</param>
/// <param name="IsHead">Whether they are heads.</param>
/// <param name="Name">The table's name.</param>
internal sealed record RowTables(TableRows Own, TableRows Other, Pieces Pieces, bool IsHead, string Name);

/// <summary>Makes the rows of tokens that a model lacks, in its own space.</summary>
/// <param name="settings">How.</param>
/// <param name="transplant">Which rows.</param>
/// <param name="rotations">With rotated pursuit, how positions turn the model's rows, and the other's.</param>
/// <param name="seed">Of random numbers.</param>
/// <param name="threads">Most threads to use.</param>
internal sealed class RowMaker(
    TransplantSettings settings, Transplant transplant, (RowRotation Own, RowRotation Other)? rotations, long seed, int threads)
{
    // Tokens whose products with all common ones are formed at once.
    private const int Batch = 128;

    // Beside the largest, parts of a distribution's variance up to this are none.
    private const double Negligible = 1e-12;

    // Distances below that, and sums of weights, count as that.
    private const double Least = 1e-6;

    /// <summary>Makes the missing rows, one after the other.</summary>
    public float[] Make(RowTables tables)
    {
        if (transplant.Missing.Count == 0)
            return [];
        var rows = Approximated(tables);
        if (settings.Noise > 0)
        {
            var noise = new DrawnNumbers(seed, tables.Name + "\nnoise").Normal(rows.LongLength, settings.Noise);
            for (var i = 0L; i < rows.LongLength; i++)
                rows[i] += noise[i];
        }

        for (var i = 0L; settings.Scale != 1 && i < rows.LongLength; i++)
            rows[i] = (float)(rows[i] * settings.Scale);
        return rows;
    }

    private float[] Approximated(RowTables tables)
    {
        var (own, other, missing, common) = (tables.Own, tables.Other, transplant.Missing, transplant.Common);
        var rows = new float[checked((long)missing.Count * own.Columns)];
        switch (settings.Approximation)
        {
            case RowApproximation.Randn:
                return new DrawnNumbers(seed, tables.Name).Normal(rows.LongLength, 1);
            case RowApproximation.JohnHewitt:
                return Distributed(own, tables.Name);
            case RowApproximation.Mean:
                var mean = Array.ConvertAll(MomentsOf(own).Mean, value => (float)value);
                for (var i = 0; i < missing.Count; i++)
                    mean.CopyTo(RowOf(rows, i, own));
                return rows;
            case RowApproximation.Subword:
                for (var i = 0; i < missing.Count; i++)
                    Combine(own, [.. tables.Pieces.Of(missing[i]).Where(row => row < own.Count)], tables.IsHead, RowOf(rows, i, own));
                return rows;
            case RowApproximation.Zero:
                return rows;
        }

        // Of what no token in common tells, nothing is known.
        if (common.Count == 0)
            return rows;
        var linear = new LinearRows(own, [.. common.Select(row => transplant.Found[row])], other, common, threads);
        switch (settings.Approximation)
        {
            case RowApproximation.LandmarkPca:
                return linear.Rotated(missing);
            case RowApproximation.SparseTokenBasis:
                return linear.InBasis(missing, settings.Tokens);
            default:
                Mix(rows, own, other);
                return rows;
        }
    }

    private static Span<float> RowOf(float[] rows, int row, TableRows table) => rows.AsSpan(checked(row * table.Columns), table.Columns);

    private static RowMoments MomentsOf(TableRows table) => new(table, [.. Enumerable.Range(0, table.Count)]);

    private void Combine(TableRows table, IReadOnlyList<int> pieces, bool isHead, Span<float> made)
    {
        var (sum, row, total) = (new double[table.Columns], new float[table.Columns], 0.0);
        for (var piece = 0; piece < pieces.Count; piece++)
        {
            var weight = settings.Pieces switch
            {
                PieceCombination.WeightedMean => isHead ? piece + 1 : pieces.Count - piece,
                PieceCombination.FirstLast => piece == (isHead ? 0 : pieces.Count - 1) ? 1 : 0,
                _ => 1,
            };
            table.Read(pieces[piece], row);
            total += weight;
            for (var i = 0; i < row.Length; i++)
                sum[i] += weight * (double)row[i];
        }

        if (settings.Pieces == PieceCombination.Sum || total == 0)
            total = 1;
        for (var i = 0; i < row.Length; i++)
            made[i] = (float)(sum[i] / total);
    }

    // Mean and covariance of the model's rows (https://www.cs.columbia.edu/~johnhew/vocab-expansion.html): along the covariance's axes,
    // independent numbers with the variance there.
    private float[] Distributed(TableRows own, string name)
    {
        var moments = MomentsOf(own);
        using var arithmetic = new ProcessorMatrices(threads, CancellationToken.None);
        var work = new MatrixWork(threads, CancellationToken.None);
        var (variances, axes) = arithmetic.Eigenvectors(moments.Products(moments, work), own.Columns, Negligible);
        arithmetic.ScaleColumns(axes, Array.ConvertAll(variances, value => Math.Sqrt(value / own.Count)));
        var numbers = new DrawnNumbers(seed, name).Normal((long)transplant.Missing.Count * axes.Columns, 1);
        using var along = arithmetic.Load(numbers, transplant.Missing.Count, axes.Columns);
        using var drawn = (DenseMatrix)arithmetic.Product(along, axes, transposeB: true);
        axes.Dispose();
        var rows = drawn.ToFloats();
        for (var i = 0L; i < rows.LongLength; i++)
            rows[i] = (float)(drawn.Values[i] + moments.Mean[i % own.Columns]);
        return rows;
    }

    // Looks in the other model's table which tokens that both have make up a new one there, and takes the same mixture of the model's rows.
    private void Mix(float[] rows, TableRows own, TableRows other)
    {
        var common = transplant.Common;
        var theirs = other.Read(common);
        var ours = own.Read([.. common.Select(row => transplant.Found[row])]);
        for (var start = 0; start < transplant.Missing.Count; start += Batch)
        {
            var ids = transplant.Missing.Skip(start).Take(Batch).ToList();
            var mixing = new Mixing(theirs, other.Read(ids), common.Count, ids.Count, other.Columns);
            var count = Math.Min(settings.Tokens, common.Count);
            List<double>[]? positions = null;
            if (settings.Approximation == RowApproximation.CommonInterpolation)
                Interpolate(mixing, count);
            else if (settings.Approximation == RowApproximation.MatchingPursuitRope)
                positions = Pursuit.Run(mixing, count, rotations!.Value.Other, threads);
            else
                Pursuit.Run(mixing, Math.Min(count, other.Columns), threads);
            Workers.For(threads, ids.Count, i =>
            {
                var (sum, atom) = (new double[own.Columns], new double[own.Columns]);
                for (var k = 0; k < mixing.Chosen[i].Count; k++)
                {
                    var row = ours.AsSpan(checked(mixing.Chosen[i][k] * own.Columns), own.Columns);
                    if (positions is null)
                        TensorPrimitives.ConvertChecked<float, double>(row, atom);
                    else
                        rotations!.Value.Own.Turn(row, positions[i][k], atom);
                    for (var c = 0; c < sum.Length; c++)
                        sum[c] += mixing.Weights[i][k] * atom[c];
                }

                var made = RowOf(rows, start + i, own);
                for (var c = 0; c < sum.Length; c++)
                    made[c] = (float)sum[c];
            });
        }
    }

    private void Interpolate(Mixing mixing, int count) => Workers.For(threads, mixing.Targets, target =>
    {
        var wanted = mixing.Target(target);
        var distances = new (double Distance, int Atom)[mixing.Atoms];
        for (var atom = 0; atom < mixing.Atoms; atom++)
            distances[atom] = (Distance(wanted, mixing.Atom(atom)), atom);
        Array.Sort(distances);
        var nearest = distances[..Math.Min(count, distances.Length)];
        mixing.Chosen[target].AddRange(nearest.Select(pair => pair.Atom));
        if (settings.Weights == NeighbourWeights.Distance)
        {
            var weights = Array.ConvertAll(
                nearest, pair => settings.ComparesAngles ? 1 - pair.Distance : 1 / Math.Max(Least, pair.Distance));
            var total = Math.Max(Least, weights.Sum());
            mixing.Weights[target] = Array.ConvertAll(weights, weight => weight / total);
            return;
        }

        var rows = new DenseMatrix(nearest.Length, mixing.Columns);
        for (var k = 0; k < nearest.Length; k++)
        {
            TensorPrimitives.ConvertChecked(mixing.Atom(nearest[k].Atom), rows.Row(k));
        }

        mixing.Weights[target] = settings.Weights == NeighbourWeights.LeastSquares
            ? Pursuit.Weights(rows, wanted)
            : Barycentric(rows, wanted);
    });

    private double Distance(ReadOnlySpan<float> wanted, ReadOnlySpan<float> row)
    {
        var (squares, product, own, other) = (0.0, 0.0, 0.0, 0.0);
        for (var c = 0; c < row.Length; c++)
        {
            var (a, b) = ((double)wanted[c], (double)row[c]);
            squares += (a - b) * (a - b);
            product += a * b;
            own += a * a;
            other += b * b;
        }

        return settings.ComparesAngles ? 1 - (product / Math.Max(Least, Math.Sqrt(own * other))) : Math.Sqrt(squares);
    }

    // Least squares under the condition that the weights' sum is 1, by Lagrange's method: [P·Pᵀ 1; 1ᵀ 0]·[w; λ] = [P·t; 1].
    private static double[] Barycentric(DenseMatrix rows, ReadOnlySpan<float> wanted)
    {
        var count = rows.Rows;
        var (system, right, target) = (new DenseMatrix(count + 1, count + 1), new double[count + 1], new double[wanted.Length]);
        TensorPrimitives.ConvertChecked(wanted, target.AsSpan());
        right[count] = 1;
        for (var i = 0; i < count; i++)
        {
            right[i] = DenseVectors.Dot(rows.Row(i), target);
            system.Row(i)[count] = system.Row(count)[i] = 1;
            for (var j = 0; j < count; j++)
                system.Row(i)[j] = DenseVectors.Dot(rows.Row(i), rows.Row(j));
        }

        return LeastSquares.Solve(system, right)[..count];
    }
}
