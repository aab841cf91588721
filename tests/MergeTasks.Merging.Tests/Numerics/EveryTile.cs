using System.Runtime.Intrinsics;
using MergeTasks.Numerics.Algebra;
using MergeTasks.Numerics.Products;
using MergeTasks.Numerics.Threads;

namespace MergeTasks.Merging.Tests.Numerics;

/// <summary>Products in fp64 with the tiles of every register width, bit for bit, against plain loops.</summary>
public sealed class EveryTile
{
    private const int DepthBlock = 256;

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(24, 600, 24)]
    [InlineData(53, 301, 47)]
    [InlineData(401, 7, 26)]
    [InlineData(25, 90_000, 3)]
    public void Gives_the_same_bits(int rows, int depth, int columns)
    {
        var (a, b, start) = (Random(rows, depth, 1), Random(depth, columns, 2), Random(rows, columns, 3));
        foreach (double? factor in new double?[] { null, 1, -0.3 })
        {
            var expected = Plain(a, b, start, factor);
            Assert.Equal(expected, Multiplied<TallTile<double, Vector512<double>, Doubles512>>(a, b, start, factor));
            Assert.Equal(expected, Multiplied<WideTile<double, Vector256<double>, Doubles256>>(a, b, start, factor));
            Assert.Equal(expected, Multiplied<WideTile<double, Vector128<double>, Doubles128>>(a, b, start, factor));
        }
    }

    [Theory]
    [InlineData(1, 5)]
    [InlineData(70, 300)]
    [InlineData(801, 9)]
    public void Gives_the_half_of_a_symmetric_product_that_is_wanted(int rows, int depth)
    {
        using var a = Random(rows, depth, 1);
        using var transposed = new DenseMatrix(depth, rows);
        for (var k = 0; k < depth; k++)
        {
            for (var row = 0; row < rows; row++)
                transposed.Row(k)[row] = a.Row(row)[k];
        }

        using var start = new DenseMatrix(rows, rows);
        var expected = Plain(a, transposed, start, null);
        foreach (var threads in new[] { 1, 3 })
        {
            foreach (var left in new[] { a.Whole, transposed.Whole.Transposed })
            {
                using var target = new DenseMatrix(rows, rows);
                new DenseProduct(new MatrixWork(threads, CancellationToken.None))
                    .Multiply(left, left.Transposed, target.Whole, isSymmetric: true);
                for (var i = 0; i < rows * rows; i++)
                    Assert.Equal(expected[Math.Min(i / rows, i % rows) * rows + Math.Max(i / rows, i % rows)], target.Values[i]);
            }
        }
    }

    [Fact]
    public void Ends_when_it_is_cancelled()
    {
        using var a = Random(300, 300, 1);
        using var target = new DenseMatrix(300, 300);
        var work = new MatrixWork(2, new CancellationToken(true));
        Assert.Throws<OperationCanceledException>(() => new DenseProduct(work).Multiply(a.Whole, a.Whole, target.Whole));
    }

    private static double[] Multiplied<TTile>(DenseMatrix a, DenseMatrix b, DenseMatrix start, double? factor)
        where TTile : struct, ITileShape<double>
    {
        using var target = new DenseMatrix(start.Rows, start.Columns);
        start.Values.CopyTo(target.Values, 0);
        new DenseProduct(new MatrixWork(1, CancellationToken.None)).MultiplyBy<TTile>(a.Whole, b.Whole, target.Whole, factor, false);
        return target.Values[..(start.Rows * start.Columns)];
    }

    // Chains of fused multiply-adds over parts of the depth, which are added in their order.
    private static double[] Plain(DenseMatrix a, DenseMatrix b, DenseMatrix start, double? factor)
    {
        var result = start.Values[..(start.Rows * start.Columns)];
        for (var i = 0; i < result.Length; i++)
        {
            for (var first = 0; first < a.Columns; first += DepthBlock)
            {
                var sum = 0.0;
                for (var k = first; k < Math.Min(first + DepthBlock, a.Columns); k++)
                    sum = Math.FusedMultiplyAdd(a.Row(i / start.Columns)[k], b.Row(k)[i % start.Columns], sum);
                result[i] = factor is null && first == 0 ? sum : Math.FusedMultiplyAdd(sum, factor ?? 1, result[i]);
            }
        }

        return result;
    }

    private static DenseMatrix Random(int rows, int columns, int seed)
    {
        var (random, matrix) = (new Random(seed), new DenseMatrix(rows, columns));
        for (var row = 0; row < rows; row++)
        {
            foreach (ref var value in matrix.Row(row))
                value = random.NextDouble() - 0.5;
        }

        return matrix;
    }
}
