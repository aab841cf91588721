using System.Numerics.Tensors;
using MergeTasks.Numerics.Algebra;
using MergeTasks.Numerics.Products;
using MergeTasks.Numerics.Threads;

namespace MergeTasks.Merging.Planning.Assembling;

/// <summary>
/// Matching pursuit: rows as mixtures of few rows of a table, each chosen by its product with what the earlier ones leave.
/// </summary>
internal static class Pursuit
{
    /// <summary>Orthogonal matching pursuit (arXiv 2506.06607): after each choice, all weights are those of least squares.</summary>
    /// <param name="mixing">What is wanted of what; gets the choices and weights.</param>
    /// <param name="count">Rows of a mixture, at most.</param>
    /// <param name="threads">Most threads to use.</param>
    public static void Run(Mixing mixing, int count, int threads) => Choose(mixing, count, threads, (target, best, left) =>
    {
        if (mixing.Add(target, best))
            mixing.Subtract(target, left);
    });

    /// <summary>
    /// Matching pursuit in which each chosen row is turned as a rotary position turns it (arXiv 2104.09864), by the position of which it
    /// comes nearest to what is left or to its opposite; in the end weights are those of least squares.
    /// </summary>
    /// <param name="mixing">What is wanted of what; gets the choices and weights.</param>
    /// <param name="count">Rows of a mixture, at most.</param>
    /// <param name="rotation">How positions turn the table's rows.</param>
    /// <param name="threads">Most threads to use.</param>
    /// <returns>Of each target, the position of each chosen row.</returns>
    public static List<double>[] Run(Mixing mixing, int count, RowRotation rotation, int threads)
    {
        List<double>[] positions = [.. Enumerable.Range(0, mixing.Targets).Select(_ => new List<double>())];
        Choose(mixing, count, threads, (target, best, left) =>
        {
            var position = rotation.Position(mixing.Atom(best), left);
            mixing.Chosen[target].Add(best);
            positions[target].Add(position);
            var atom = new double[mixing.Columns];
            rotation.Turn(mixing.Atom(best), position, atom);
            var (product, square) = (0.0, 0.0);
            for (var i = 0; i < atom.Length; i++)
                (product, square) = (product + (left[i] * atom[i]), square + (atom[i] * atom[i]));
            for (var i = 0; square > 0 && i < atom.Length; i++)
                left[i] = (float)(left[i] - (product / square * atom[i]));
        });
        Workers.For(threads, mixing.Targets, target =>
        {
            var chosen = mixing.Chosen[target];
            var atoms = new DenseMatrix(chosen.Count, mixing.Columns);
            for (var k = 0; k < chosen.Count; k++)
                rotation.Turn(mixing.Atom(chosen[k]), positions[target][k], atoms.Row(k));
            mixing.Weights[target] = Weights(atoms, mixing.Target(target));
        });
        return positions;
    }

    /// <summary>The weights of least squares with which rows make up another.</summary>
    public static double[] Weights(DenseMatrix rows, ReadOnlySpan<float> wanted)
    {
        var (columns, right) = (new DenseMatrix(rows.Columns, rows.Rows), new double[wanted.Length]);
        for (var row = 0; row < rows.Rows; row++)
        {
            for (var column = 0; column < rows.Columns; column++)
                columns.Row(column)[row] = rows.Row(row)[column];
        }

        TensorPrimitives.ConvertChecked(wanted, right.AsSpan());
        return LeastSquares.Solve(columns, right);
    }

    private delegate void Taking(int target, int best, Span<float> left);

    private static void Choose(Mixing mixing, int count, int threads, Taking take)
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
                if (own[best] != 0)
                    take(target, best, left.AsSpan(checked(target * mixing.Columns), mixing.Columns));
            });
        }
    }
}
