namespace MergeTasks.Merging.Planning.Assembling;

/// <summary>Some rows as mixtures of a table's rows, while they are found.</summary>
/// <param name="table">The table's rows, one after the other.</param>
/// <param name="wanted">The rows that are wanted.</param>
/// <param name="atoms">Rows of the table.</param>
/// <param name="targets">How many rows are wanted.</param>
/// <param name="columns">Elements of a row.</param>
internal sealed class Mixing(float[] table, float[] wanted, int atoms, int targets, int columns)
{
    // What is left of a chosen row beside the earlier ones must be so large a part of it, or it tells nothing new.
    private const double LeastPart = 1e-10;

    // Of each target the Cholesky factor of the chosen rows' products, row by row, and their products with the target.
    private readonly List<double[]>[] _factors = [.. Enumerable.Range(0, targets).Select(_ => new List<double[]>())];
    private readonly List<double>[] _products = [.. Enumerable.Range(0, targets).Select(_ => new List<double>())];

    public float[] Table => table;

    public float[] Wanted => wanted;

    public int Atoms => atoms;

    public int Targets => targets;

    public int Columns => columns;

    /// <summary>Of each target, the rows that it is a mixture of, in the order in which they were chosen.</summary>
    public List<int>[] Chosen { get; } = [.. Enumerable.Range(0, targets).Select(_ => new List<int>())];

    /// <summary>Of each target, their weights.</summary>
    public double[][] Weights { get; } = [.. Enumerable.Range(0, targets).Select(_ => Array.Empty<double>())];

    public ReadOnlySpan<float> Atom(int atom) => table.AsSpan(checked(atom * columns), columns);

    public ReadOnlySpan<float> Target(int target) => wanted.AsSpan(checked(target * columns), columns);

    /// <summary>Chooses one more row, and gives all the weights of least squares.</summary>
    /// <returns>Whether it tells anything that the earlier ones do not.</returns>
    public bool Add(int target, int atom)
    {
        var (factors, chosen) = (_factors[target], Chosen[target]);
        var row = Atom(atom);
        var own = new double[chosen.Count + 1];
        for (var i = 0; i < chosen.Count; i++)
        {
            var sum = Product(Atom(chosen[i]), row);
            for (var j = 0; j < i; j++)
                sum -= factors[i][j] * own[j];
            own[i] = sum / factors[i][i];
        }

        var square = Product(row, row);
        var rest = square - own.Sum(value => value * value);
        if (rest <= LeastPart * square)
            return false;
        own[^1] = Math.Sqrt(rest);
        factors.Add(own);
        chosen.Add(atom);
        _products[target].Add(Product(row, Target(target)));
        Weights[target] = Solve(factors, _products[target]);
        return true;
    }

    /// <summary>What is left of a target without its mixture.</summary>
    public void Subtract(int target, Span<float> left)
    {
        var sum = new double[columns];
        for (var k = 0; k < Chosen[target].Count; k++)
        {
            var row = Atom(Chosen[target][k]);
            for (var c = 0; c < columns; c++)
                sum[c] += Weights[target][k] * row[c];
        }

        var own = Target(target);
        for (var c = 0; c < columns; c++)
            left[c] = (float)(own[c] - sum[c]);
    }

    private static double[] Solve(List<double[]> factor, List<double> products)
    {
        var solution = products.ToArray();
        for (var i = 0; i < solution.Length; i++)
        {
            for (var j = 0; j < i; j++)
                solution[i] -= factor[i][j] * solution[j];
            solution[i] /= factor[i][i];
        }

        for (var i = solution.Length - 1; i >= 0; i--)
        {
            for (var j = i + 1; j < solution.Length; j++)
                solution[i] -= factor[j][i] * solution[j];
            solution[i] /= factor[i][i];
        }

        return solution;
    }

    private static double Product(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++)
            sum += (double)a[i] * b[i];
        return sum;
    }
}
