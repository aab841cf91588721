using MergeTasks.Numerics.Threads;

namespace MergeTasks.Numerics.Algebra;

/// <summary>Positive definite systems in fp64, by Cholesky decomposition in blocks.</summary>
/// <param name="work">Threads.</param>
internal sealed class Cholesky(MatrixWork work)
{
    private const int Block = 64;
    private const int Stripe = 64;

    private readonly DenseProduct _product = new(work);

    /// <summary>Solves system·X = right.</summary>
    /// <param name="system">[n, n], of which the lower triangle counts; replaced by L.</param>
    /// <param name="right">[n, columns]; replaced by X.</param>
    /// <returns><see langword="false"/> where the system is not positive definite.</returns>
    public bool TrySolve(DenseMatrix system, DenseMatrix right)
    {
        if (!TryDecompose(system))
            return false;
        for (var first = 0; first < system.Rows; first += Block)
        {
            var (end, whole) = (Math.Min(system.Rows, first + Block), right.Whole);
            ForEachStripe(right, first, end, (start, count) => Forwards(system, right, first, end, start, count));
            _product.Multiply(
                system.Whole.Part(end, first, system.Rows - end, end - first),
                whole.Part(first, 0, end - first, right.Columns),
                whole.Part(end, 0, system.Rows - end, right.Columns),
                -1);
        }

        for (var first = (system.Rows - 1) / Block * Block; first >= 0; first -= Block)
        {
            var (end, whole) = (Math.Min(system.Rows, first + Block), right.Whole);
            _product.Multiply(
                system.Whole.Part(end, first, system.Rows - end, end - first).Transposed,
                whole.Part(end, 0, system.Rows - end, right.Columns),
                whole.Part(first, 0, end - first, right.Columns),
                -1);
            ForEachStripe(right, first, end, (start, count) => Backwards(system, right, first, end, start, count));
        }

        return true;
    }

    private bool TryDecompose(DenseMatrix system)
    {
        for (var first = 0; first < system.Rows; first += Block)
        {
            var end = Math.Min(system.Rows, first + Block);
            for (var row = first; row < end; row++)
            {
                if (!TryRow(system, row, first, row + 1))
                    return false;
            }

            var (from, rest) = (first, system.Rows - end);
            work.ForEach(rest, (long)Block * Block, step => TryRow(system, end + step, from, end));
            var below = system.Whole.Part(end, first, rest, end - first);
            _product.Multiply(below, below.Transposed, system.Whole.Part(end, end, rest, rest), -1);
        }

        return true;
    }

    // Elements of L from the block's first column on; the last one wanted may be the diagonal's.
    private static bool TryRow(DenseMatrix system, int row, int first, int end)
    {
        var own = system.Row(row);
        for (var column = first; column < end; column++)
        {
            var other = system.Row(column);
            var value = own[column] - DenseVectors.Dot(own[first..column], other[first..column]);
            if (column == row && !(value > 0))
                return false;
            own[column] = column == row ? Math.Sqrt(value) : value / other[column];
        }

        return true;
    }

    private void ForEachStripe(DenseMatrix right, int first, int end, Action<int, int> solve) =>
        work.ForEach(
            (right.Columns + Stripe - 1) / Stripe,
            (long)(end - first) * (end - first),
            stripe => solve(stripe * Stripe, Math.Min(Stripe, right.Columns - (stripe * Stripe))));

    private static void Forwards(DenseMatrix lower, DenseMatrix right, int first, int end, int start, int count)
    {
        for (var i = first; i < end; i++)
        {
            var row = right.Row(i).Slice(start, count);
            for (var k = first; k < i; k++)
                DenseVectors.AddProduct(row, right.Row(k).Slice(start, count), -lower.Row(i)[k]);
            DenseVectors.Scale(row, 1 / lower.Row(i)[i]);
        }
    }

    private static void Backwards(DenseMatrix lower, DenseMatrix right, int first, int end, int start, int count)
    {
        for (var i = end - 1; i >= first; i--)
        {
            var row = right.Row(i).Slice(start, count);
            for (var k = i + 1; k < end; k++)
                DenseVectors.AddProduct(row, right.Row(k).Slice(start, count), -lower.Row(k)[i]);
            DenseVectors.Scale(row, 1 / lower.Row(i)[i]);
        }
    }
}
