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
    public void Gives_the_same_bits(int rows, int depth, int columns)
    {
        var (a, b, start) = (Random(rows, depth, 1), Random(depth, columns, 2), Random(rows, columns, 3));
        foreach (double? factor in new double?[] { null, 1, -0.3 })
        {
            var expected = Plain(a, b, start, factor);
            Assert.Equal(expected, Multiplied<DoubleTile512>(a, b, start, factor));
            Assert.Equal(expected, Multiplied<DoubleTile256>(a, b, start, factor));
            Assert.Equal(expected, Multiplied<DoubleTile128>(a, b, start, factor));
        }
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
