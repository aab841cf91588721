using MergeTasks.Numerics.Algebra;
using MergeTasks.Numerics.Threads;

namespace MergeTasks.Merging.Planning.Assembling;

/// <summary>Some rows of a table about their mean.</summary>
/// <param name="table">The table.</param>
/// <param name="rows">Which rows, in order.</param>
internal sealed class RowMoments(TableRows table, IReadOnlyList<int> rows)
{
    // Rows whose products are added at once.
    private const int Block = 1024;

    private double[]? _mean;

    /// <summary>Elements of a row.</summary>
    public int Columns => table.Columns;

    /// <summary>The mean, summed in the order of the rows; zeros where there is no row.</summary>
    public double[] Mean => _mean ??= MeanOf();

    /// <summary>Σ (a − ā)ᵀ(b − b̄) over the rows of two tables that belong together.</summary>
    /// <param name="other">As many rows of another table, or the same.</param>
    /// <param name="work">Threads.</param>
    /// <returns>[columns, the other's columns].</returns>
    public DenseMatrix Products(RowMoments other, MatrixWork work)
    {
        var sum = new DenseMatrix(Columns, other.Columns);
        for (var start = 0; start < rows.Count; start += Block)
        {
            var count = Math.Min(Block, rows.Count - start);
            var own = Centred(start, count, Mean);
            var theirs = ReferenceEquals(this, other) ? own : other.Centred(start, count, other.Mean);
            new DenseProduct(work).Multiply(own.Whole.Transposed, theirs.Whole, sum.Whole, start == 0 ? null : 1);
        }

        return sum;
    }

    /// <summary>All the rows less a vector.</summary>
    public DenseMatrix Centred(double[] centre) => Centred(0, rows.Count, centre);

    /// <summary>All the rows less their mean, in fp32, one after the other.</summary>
    public float[] CentredFloats()
    {
        var values = table.Read(rows);
        for (var i = 0L; i < values.LongLength; i++)
            values[i] = (float)(values[i] - Mean[i % Columns]);
        return values;
    }

    private DenseMatrix Centred(int start, int count, double[] centre)
    {
        var (centred, row) = (new DenseMatrix(count, Columns), new float[Columns]);
        for (var i = 0; i < count; i++)
        {
            table.Read(rows[start + i], row);
            var own = centred.Row(i);
            for (var column = 0; column < row.Length; column++)
                own[column] = row[column] - centre[column];
        }

        return centred;
    }

    private double[] MeanOf()
    {
        var (sum, row) = (new double[table.Columns], new float[table.Columns]);
        foreach (var one in rows)
        {
            table.Read(one, row);
            for (var i = 0; i < row.Length; i++)
                sum[i] += row[i];
        }

        return rows.Count == 0 ? sum : Array.ConvertAll(sum, value => value / rows.Count);
    }
}
