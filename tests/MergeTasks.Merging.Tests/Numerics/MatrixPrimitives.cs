using MergeTasks.Numerics;
using MergeTasks.Numerics.Algebra;

namespace MergeTasks.Merging.Tests.Numerics;

/// <summary>What methods on whole matrices are made of, beside sums written out, on sizes around the edges of tiles and panels.</summary>
public sealed class MatrixPrimitives
{
    public static TheoryData<string> Arithmetic => [.. Arithmetics.Names];

    public static TheoryData<string, int> Sizes
    {
        get
        {
            var sizes = new TheoryData<string, int>();
            foreach (var name in Arithmetics.Names)
            {
                foreach (var size in new[] { 1, 2, 3, 31, 33, 64, 131 })
                    sizes.Add(name, size);
            }

            return sizes;
        }
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Products(string name, int size)
    {
        using var arithmetic = Arithmetics.Of(name);
        foreach (var (rows, depth, columns) in new[] { (size, 5, 17), (13, size, 9), (7, 300, size) })
        {
            float[] a = Arithmetics.Random(1, rows, depth), b = Arithmetics.Random(2, depth, columns);
            foreach (var (transposeA, transposeB) in new[] { (false, false), (true, false), (false, true), (true, true) })
            {
                using var first = transposeA ? arithmetic.Load(Transposed(a, rows, depth), depth, rows) : arithmetic.Load(a, rows, depth);
                using var second = transposeB
                    ? arithmetic.Load(Transposed(b, depth, columns), columns, depth)
                    : arithmetic.Load(b, depth, columns);
                using var product = arithmetic.Product(first, second, transposeA, transposeB);
                Assert.Equal((rows, columns), (product.Rows, product.Columns));
                AreNear(Product(a, b, rows, depth, columns), arithmetic.Read(product), 1e-6);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Products_of_rows_and_columns_with_themselves(string name, int size)
    {
        using var arithmetic = Arithmetics.Of(name);
        var values = Arithmetics.Random(3, size, 23);
        using var matrix = arithmetic.Load(values, size, 23);
        using var rows = arithmetic.Gram(matrix, ofRows: true);
        using var columns = arithmetic.Gram(matrix, ofRows: false);
        AreNear(Product(values, Transposed(values, size, 23), size, 23, size), arithmetic.Read(rows), 1e-6);
        AreNear(Product(Transposed(values, size, 23), values, 23, size, 23), arithmetic.Read(columns), 1e-6);
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Eigenvectors_give_the_matrix_back_and_are_orthonormal(string name, int size)
    {
        using var arithmetic = Arithmetics.Of(name);
        var values = Arithmetics.Random(4, size, size + 3);
        var symmetric = Product(values, Transposed(values, size, size + 3), size, size + 3, size);
        AreDecomposed(arithmetic, symmetric, size, size);
    }

    [Theory]
    [MemberData(nameof(Arithmetic))]
    public void Eigenvectors_of_matrices_with_equal_and_vanishing_eigenvalues(string name)
    {
        using var arithmetic = Arithmetics.Of(name);
        const int size = 70;
        var unit = Enumerable.Range(0, size * size).Select(i => i % (size + 1) == 0 ? 1.0 : 0).ToArray();
        AreDecomposed(arithmetic, unit, size, size);
        AreDecomposed(arithmetic, [.. unit.Select((value, i) => i / size < 40 ? value : value / 4)], size, size);
        AreDecomposed(arithmetic, [.. Enumerable.Range(0, size * size).Select(i => Math.ScaleB(1, -(i / size) - (i % size)))], size, 1);
        var few = Arithmetics.Random(5, size, 7);
        AreDecomposed(arithmetic, Product(few, Transposed(few, size, 7), size, 7, size), size, 7);
        using var nothing = arithmetic.Load(new float[size * size], size, size);
        var (values, vectors) = arithmetic.Eigenvectors(nothing, size, 1e-13);
        Assert.Empty(values);
        Assert.Equal((size, 0), (vectors.Rows, vectors.Columns));
    }

    [Theory]
    [MemberData(nameof(Arithmetic))]
    public void Only_the_largest_eigenvalues_that_are_wanted(string name)
    {
        using var arithmetic = Arithmetics.Of(name);
        using var matrix = arithmetic.Load(
            Enumerable.Range(0, 25).Select(i => i % 6 == 0 ? new[] { 3f, 8, -9, 1e-9f, 5 }[i / 6] : 0).ToArray(), 5, 5);
        using var again = arithmetic.Load(arithmetic.Read(matrix), 5, 5);
        Assert.Equal([8, 5], arithmetic.Eigenvectors(matrix, 2, 1e-6).Values.Select(value => Math.Round(value, 12)));
        var (values, vectors) = arithmetic.Eigenvectors(again, 5, 1e-6);
        Assert.Equal([8, 5, 3], values.Select(value => Math.Round(value, 12)));
        Assert.Equal(
            [1, 4, 0],
            Enumerable.Range(0, 3)
                .Select(column =>
                    Array.FindIndex(
                        Enumerable.Range(0, 5).ToArray(), row => Math.Abs(arithmetic.Read(vectors)[(row * 3) + column]) > 0.99)));
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Positive_definite_systems(string name, int size)
    {
        using var arithmetic = Arithmetics.Of(name);
        float[] values = Arithmetics.Random(6, size, size + 5), solution = Arithmetics.Random(7, size, 67);
        var products = Product(values, Transposed(values, size, size + 5), size, size + 5, size);
        var exact = Array.ConvertAll(products, value => (float)value);
        for (var i = 0; i < size; i++)
            exact[i * (size + 1)] += size;
        using var system = arithmetic.Load(exact, size, size);
        using var found = arithmetic.Load(solution, size, 67);
        using var right = arithmetic.Product(system, found);
        Assert.True(arithmetic.TrySolve(system, right));
        AreNear(Array.ConvertAll(solution, value => (double)value), arithmetic.Read(right), 1e-6);

        exact[(size * size) - 1] = -1;
        using var indefinite = arithmetic.Load(exact, size, size);
        Assert.False(arithmetic.TrySolve(indefinite, right));
    }

    [Theory]
    [MemberData(nameof(Arithmetic))]
    public void Elements_columns_and_parts(string name)
    {
        using var arithmetic = Arithmetics.Of(name);
        using var matrix = arithmetic.Load([1, 2, 3, 4], 2, 2);
        using var wide = arithmetic.Load([5, 6, 7, 8, 9, 10], 2, 3);
        using var joined = arithmetic.Beside([matrix, wide]);
        Assert.Equal([1, 2, 5, 6, 7, 3, 4, 8, 9, 10], arithmetic.Read(joined));
        using var transposed = arithmetic.Transpose(wide);
        Assert.Equal([5, 8, 6, 9, 7, 10], arithmetic.Read(transposed));
        Assert.Equal([Math.Sqrt(10), Math.Sqrt(20)], arithmetic.ColumnLengths(matrix), (a, b) => Math.Abs(a - b) < 1e-12);
        arithmetic.ScaleColumns(matrix, [2, -1]);
        Assert.Equal([2, -2, 6, -4], arithmetic.Read(matrix));
        arithmetic.Weigh(matrix, 2, 0.5, 1);
        Assert.Equal([5, -2, 6, -7], arithmetic.Read(matrix));
        using var term = arithmetic.Load([1, 1, 0, 0], 2, 2);
        arithmetic.Add(matrix, term);
        Assert.Equal([6, -1, 6, -7], arithmetic.Read(matrix));
    }

    [Theory]
    [MemberData(nameof(Arithmetic))]
    public void A_matrix_that_is_not_finite_has_no_eigenvectors(string name)
    {
        using var arithmetic = Arithmetics.Of(name);
        foreach (var value in new[] { float.NaN, float.PositiveInfinity })
        {
            using var matrix = arithmetic.Load([1, value, value, 1], 2, 2);
            Assert.Throws<NumericException>(() => arithmetic.Eigenvectors(matrix, 2, 0));
        }
    }

    [Fact]
    public void Any_number_of_threads_gives_the_same_bits()
    {
        float[][] Results(int threads)
        {
            using var arithmetic = Arithmetics.Of("processor", threads);
            using var matrix = arithmetic.Load(Arithmetics.Random(8, 333, 400), 333, 400);
            using var gram = arithmetic.Gram(matrix, ofRows: true);
            using var right = arithmetic.Product(gram, matrix);
            using var system = arithmetic.Gram(matrix, ofRows: true);
            Assert.True(arithmetic.TrySolve(system, right));
            return [arithmetic.Read(gram), arithmetic.Read(right), arithmetic.Read(arithmetic.Eigenvectors(gram, 333, 0).Vectors)];
        }

        var expected = Results(1);
        Assert.Equal(expected, Results(2));
        Assert.Equal(expected, Results(3));
    }

    [Fact]
    public void Work_ends_when_it_is_cancelled()
    {
        using var cancellation = new CancellationTokenSource();
        cancellation.Cancel();
        var arithmetic = new ProcessorMatrices(2, cancellation.Token);
        var matrix = arithmetic.Load(Arithmetics.Random(9, 20, 20), 20, 20);
        Assert.Throws<OperationCanceledException>(() => arithmetic.Gram(matrix, ofRows: true));
    }

    // V·diag(λ)·Vᵀ is the matrix, and VᵀV is one.
    private static void AreDecomposed(IMatrixArithmetic arithmetic, double[] symmetric, int size, int rank)
    {
        var stored = Array.ConvertAll(symmetric, value => (float)value);
        using var matrix = arithmetic.Load(stored, size, size);
        var (values, found) = arithmetic.Eigenvectors(matrix, size, 1e-6);
        Assert.Equal(rank, values.Length);
        Assert.Equal(values.OrderDescending(), values);
        Assert.Equal((size, rank), (found.Rows, found.Columns));
        var vectors = arithmetic.Read(found);
        var scaled = vectors.Select((value, i) => (float)(value * values[i % rank])).ToArray();
        AreNear(
            Array.ConvertAll(stored, value => (double)value),
            Array.ConvertAll(Product(scaled, Transposed(vectors, size, rank), size, rank, size), value => (float)value),
            1e-6);
        AreNear(
            [.. Enumerable.Range(0, rank * rank).Select(i => i % (rank + 1) == 0 ? 1.0 : 0)],
            Array.ConvertAll(Product(Transposed(vectors, size, rank), vectors, rank, size, rank), value => (float)value),
            1e-6);
        found.Dispose();
    }

    // fp32's rounding beside the largest element is what reading a matrix costs.
    private static void AreNear(double[] expected, float[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        var largest = expected.Max(Math.Abs);
        for (var i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= tolerance * largest, $"element {i}: {actual[i]:R} for {expected[i]:R}");
    }

    private static double[] Product(float[] a, float[] b, int rows, int depth, int columns) =>
        [
            .. Enumerable.Range(0, rows * columns)
                .Select(i => Enumerable.Range(0, depth).Sum(k => (double)a[(i / columns * depth) + k] * b[(k * columns) + (i % columns)]))
        ];

    private static float[] Transposed(float[] values, int rows, int columns) =>
        [.. Enumerable.Range(0, rows * columns).Select(i => values[(i % rows * columns) + (i / rows)])];
}
