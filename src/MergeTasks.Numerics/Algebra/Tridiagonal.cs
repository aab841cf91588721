using MergeTasks.Numerics.Memory;
using MergeTasks.Numerics.Threads;

namespace MergeTasks.Numerics.Algebra;

/// <summary>
/// A symmetric matrix as Q·T·Qᵀ with T tridiagonal, by Householder reflections in panels (Dongarra, Sorensen and Hammarling 1989): the
/// matrix itself is read once per column, and changed once per panel, by a product.
/// </summary>
internal sealed class Tridiagonal
{
    private const int PanelWidth = 32;
    private const int RowsPerStep = 16;

    private readonly MatrixWork _work;
    private readonly DenseProduct _product;
    private readonly List<Panel> _panels = [];

    private Tridiagonal(int size, MatrixWork work)
    {
        (_work, _product) = (work, new DenseProduct(work));
        (Diagonal, Beside) = (new double[size], new double[size]);
    }

    /// <summary>T's diagonal.</summary>
    public double[] Diagonal { get; }

    /// <summary>Beside the diagonal: element i stands between i and i + 1; the last one is zero.</summary>
    public double[] Beside { get; }

    /// <summary>Reduces a matrix.</summary>
    /// <param name="matrix">Symmetric; used up.</param>
    /// <param name="work">Threads.</param>
    public static Tridiagonal Of(DenseMatrix matrix, MatrixWork work)
    {
        var result = new Tridiagonal(matrix.Rows, work);
        for (var first = 0; first < matrix.Rows; first += PanelWidth)
            result.Reduce(matrix, first, Math.Min(PanelWidth, matrix.Rows - first));
        return result;
    }

    /// <summary>Replaces the columns of a matrix by Q times them.</summary>
    public void Apply(DenseMatrix vectors)
    {
        for (var i = _panels.Count - 1; i >= 0; i--)
        {
            var panel = _panels[i];
            var width = panel.Factors.Rows;
            var below = vectors.Whole.Part(panel.First, 0, panel.Length, vectors.Columns);
            DenseMatrix along = new(width, vectors.Columns), turned = new(width, vectors.Columns);
            _product.Multiply(panel.Reflections, below, along.Whole);
            _product.Multiply(panel.Factors.Whole, along.Whole, turned.Whole);
            _product.Multiply(panel.Reflections.Transposed, turned.Whole, below, -1);
        }
    }

    // All vectors of a panel are stored from its first row on: v₀…, w₀…, v₀… again, so that A − VWᵀ − WVᵀ is one product.
    private void Reduce(DenseMatrix matrix, int first, int width)
    {
        var length = matrix.Rows - first;
        var stored = LargeArray.Of<double>(3L * width * length);
        Span<double> Vector(int index) => stored.AsSpan(index * length, length);
        var scales = new double[width];
        for (var i = 0; i < width; i++)
        {
            var v = Vector(i);
            var w = Vector(width + i);
            var column = matrix.Row(first + i)[first..];
            var own = v[i..];
            column[i..].CopyTo(own);
            for (var k = 0; k < i; k++)
            {
                DenseVectors.AddProduct(own, Vector(width + k)[i..], -Vector(k)[i]);
                DenseVectors.AddProduct(own, Vector(k)[i..], -Vector(width + k)[i]);
            }

            Diagonal[first + i] = own[0];
            own[0] = 0;
            if (own.Length == 1)
                break;
            (Beside[first + i], scales[i]) = Reflect(own[1..]);
            if (scales[i] == 0)
                continue;
            Times(matrix, first, i + 1, stored, i * length, (width + i) * length);
            for (var k = 0; k < i; k++)
            {
                var (along, across) = (DenseVectors.Dot(Vector(width + k), v), DenseVectors.Dot(Vector(k), v));
                DenseVectors.AddProduct(w, Vector(k), -along);
                DenseVectors.AddProduct(w, Vector(width + k), -across);
            }

            w[..(i + 1)].Clear();
            DenseVectors.Scale(w, scales[i]);
            DenseVectors.AddProduct(w, v, -0.5 * scales[i] * DenseVectors.Dot(w, v));
        }

        stored.AsSpan(0, width * length).CopyTo(stored.AsSpan(2 * width * length));
        if (length > width)
        {
            var both = new DenseSlice(stored, 0, length, 2 * width, length).Part(0, width, 2 * width, length - width);
            var exchanged = both with { Start = both.Start + (width * length) };
            _product.Multiply(
                both.Transposed, exchanged, matrix.Whole.Part(first + width, first + width, length - width, length - width), -1);
        }

        _panels.Add(new Panel(first, length, stored.AsSpan(0, width * length).ToArray(), Factors(stored, length, scales)));
    }

    // H = 1 − scale·v·vᵀ with v₀ = 1 turns a vector into its length times ±e₀; v replaces it.
    private static (double Turned, double Scale) Reflect(Span<double> vector)
    {
        var rest = vector[1..];
        var squares = DenseVectors.Dot(rest, rest);
        var head = vector[0];
        if (squares == 0)
        {
            vector.Clear();
            return (head, 0);
        }

        var turned = -Math.CopySign(Math.Sqrt((head * head) + squares), head);
        DenseVectors.Scale(rest, 1 / (head - turned));
        vector[0] = 1;
        return (turned, (turned - head) / turned);
    }

    private void Times(DenseMatrix matrix, int first, int start, double[] stored, int vector, int target)
    {
        var rows = matrix.Rows - first - start;
        _work.ForEach((rows + RowsPerStep - 1) / RowsPerStep, (long)RowsPerStep * rows, step =>
        {
            var values = stored.AsSpan(vector + start, rows);
            for (var row = step * RowsPerStep; row < Math.Min(rows, (step + 1) * RowsPerStep); row++)
                stored[target + start + row] = DenseVectors.Dot(matrix.Row(first + start + row)[(first + start)..], values);
        });
    }

    // The upper triangular F of H₀·H₁·… = 1 − Vᵀ·F·V (Schreiber and Van Loan 1989).
    private static DenseMatrix Factors(double[] stored, int length, double[] scales)
    {
        var factors = new DenseMatrix(scales.Length, scales.Length);
        var products = new double[scales.Length];
        for (var i = 0; i < scales.Length; i++)
        {
            for (var k = 0; k < i; k++)
                products[k] = DenseVectors.Dot(stored.AsSpan(k * length, length), stored.AsSpan(i * length, length));
            for (var k = 0; k < i; k++)
                factors.Row(k)[i] = -scales[i] * DenseVectors.Dot(factors.Row(k)[..i], products.AsSpan(0, i));
            factors.Row(i)[i] = scales[i];
        }

        return factors;
    }

    private sealed record Panel(int First, int Length, double[] Vectors, DenseMatrix Factors)
    {
        public DenseSlice Reflections => new(Vectors, 0, Length, Factors.Rows, Length);
    }
}
