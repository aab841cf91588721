using MergeTasks.Numerics.Algebra;
using MergeTasks.Numerics.Threads;

namespace MergeTasks.Merging.Planning.Assembling;

/// <summary>
/// Rows of one space as rows of another, by one linear map about the two spaces' means that the tokens determine that both have:
/// <list type="bullet">
/// <item>a rotation between the spaces of the tables' principal components, of all the one that brings the common tokens nearest (the
/// orthogonal Procrustes problem, Schönemann 1966);</item>
/// <item>the map of a basis to itself that is made of the same sparse mixtures of common tokens in both spaces: of those that orthogonal
/// matching pursuit finds for the principal components.</item>
/// </list>
/// </summary>
/// <param name="own">The model's table.</param>
/// <param name="ownRows">Its rows of the common tokens.</param>
/// <param name="other">The other model's table.</param>
/// <param name="otherRows">Its rows of them.</param>
/// <param name="threads">Most threads to use.</param>
internal sealed class LinearRows(TableRows own, IReadOnlyList<int> ownRows, TableRows other, IReadOnlyList<int> otherRows, int threads)
{
    // Directions with a smaller part of the largest singular value are not determined by fp32 numbers.
    private const double Smallest = 3e-7;

    // Rows that are mapped at once.
    private const int Block = 1024;

    private readonly MatrixWork _work = new(threads, CancellationToken.None);

    /// <summary>Makes rows by the rotation.</summary>
    /// <param name="wanted">Rows of the other table.</param>
    /// <returns>The model's rows for them, one after the other.</returns>
    public float[] Rotated(IReadOnlyList<int> wanted)
    {
        var (ours, theirs) = (new RowMoments(own, ownRows), new RowMoments(other, otherRows));
        using var arithmetic = new ProcessorMatrices(threads, CancellationToken.None);
        using var products = theirs.Products(ours, _work);
        return Mapped(wanted, theirs.Mean, Rotation(arithmetic, products, theirs, ours), ours.Mean);
    }

    /// <summary>Makes rows by the basis; the means are those of the whole tables.</summary>
    /// <param name="wanted">Rows of the other table.</param>
    /// <param name="count">How many tokens an element of the basis is a mixture of, at most.</param>
    /// <returns>The model's rows for them, one after the other.</returns>
    public float[] InBasis(IReadOnlyList<int> wanted, int count)
    {
        // Components of the narrower table; of the model's where both are as wide.
        var (table, rows) = other.Columns < own.Columns ? (other, otherRows) : (own, ownRows);
        var moments = new RowMoments(table, rows);
        using var arithmetic = new ProcessorMatrices(threads, CancellationToken.None);
        var components = (DenseMatrix)arithmetic.Eigenvectors(moments.Products(moments, _work), table.Columns, 0).Vectors;
        var mixing = new Mixing(
            moments.CentredFloats(), ((DenseMatrix)arithmetic.Transpose(components)).ToFloats(), rows.Count, components.Columns,
            table.Columns);
        Pursuit.Run(mixing, Math.Min(count, Math.Min(rows.Count, table.Columns)), threads);
        using var theirBasis = Basis(mixing, other, otherRows);
        using var ourBasis = Basis(mixing, own, ownRows);

        // The shortest coordinates c of least |c·T − row|, times our basis: T⁺ = Tᵀ(TTᵀ)⁺.
        using var products = arithmetic.Gram(theirBasis, ofRows: true);
        var (values, vectors) = arithmetic.Eigenvectors(products, theirBasis.Rows, Smallest * Smallest);
        using var turned = arithmetic.Product(vectors, ourBasis, transposeA: true);
        arithmetic.ScaleColumns(vectors, Array.ConvertAll(values, value => 1 / value));
        using var inverse = arithmetic.Product(theirBasis, vectors, transposeA: true);
        var map = (DenseMatrix)arithmetic.Product(inverse, turned);
        vectors.Dispose();
        return Mapped(wanted, new RowMoments(other, All(other)).Mean, map, new RowMoments(own, All(own)).Mean);
    }

    private static int[] All(TableRows table) => [.. Enumerable.Range(0, table.Count)];

    // Where one space is wider, its largest principal components as many as the other has.
    private DenseMatrix Rotation(ProcessorMatrices arithmetic, DenseMatrix products, RowMoments theirs, RowMoments ours)
    {
        if (theirs.Columns == ours.Columns)
            return (DenseMatrix)PolarFactor.Of(arithmetic, products, Smallest);
        var (wide, narrow) = theirs.Columns > ours.Columns ? (theirs, ours) : (ours, theirs);
        using var components = arithmetic.Eigenvectors(wide.Products(wide, _work), narrow.Columns, 0).Vectors;
        using var within = wide == theirs
            ? arithmetic.Product(components, products, transposeA: true)
            : arithmetic.Product(products, components);
        using var rotation = PolarFactor.Of(arithmetic, within, Smallest);
        return (DenseMatrix)(wide == theirs
            ? arithmetic.Product(components, rotation)
            : arithmetic.Product(rotation, components, transposeB: true));
    }

    private float[] Mapped(IReadOnlyList<int> wanted, double[] from, DenseMatrix map, double[] to)
    {
        var made = new float[checked((long)wanted.Count * own.Columns)];
        for (var start = 0; start < wanted.Count; start += Block)
        {
            var ids = wanted.Skip(start).Take(Block).ToList();
            var (rows, mapped) = (new RowMoments(other, ids).Centred(from), new DenseMatrix(ids.Count, own.Columns));
            new DenseProduct(_work).Multiply(rows.Whole, map.Whole, mapped.Whole);
            for (var i = 0; i < mapped.Values.Length; i++)
                made[(start * own.Columns) + i] = (float)(mapped.Values[i] + to[i % own.Columns]);
        }

        return made;
    }

    private static DenseMatrix Basis(Mixing mixing, TableRows table, IReadOnlyList<int> rows)
    {
        var (basis, row) = (new DenseMatrix(mixing.Targets, table.Columns), new float[table.Columns]);
        for (var target = 0; target < mixing.Targets; target++)
        {
            var sum = basis.Row(target);
            for (var k = 0; k < mixing.Chosen[target].Count; k++)
            {
                table.Read(rows[mixing.Chosen[target][k]], row);
                for (var column = 0; column < row.Length; column++)
                    sum[column] += mixing.Weights[target][k] * row[column];
            }
        }

        return basis;
    }
}
