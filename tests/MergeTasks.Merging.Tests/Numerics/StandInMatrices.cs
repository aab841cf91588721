using MergeTasks.Numerics.Algebra;

namespace MergeTasks.Merging.Tests.Numerics;

/// <summary>A device that computes as the processor does, remembers what it was asked for, and may be too small.</summary>
/// <param name="version">Its numerics version.</param>
/// <param name="products">How many products its memory holds.</param>
internal sealed class StandInMatrices(string version, int products = int.MaxValue) : IMatrixDevice
{
    public string NumericsVersion => version;

    public int Begun { get; private set; }

    public int Held { get; private set; }

    public List<string> Short { get; } = [];

    public IMatrixArithmetic Begin(CancellationToken cancellation)
    {
        (Begun, Held) = (Begun + 1, Held + 1);
        return new Arithmetic(this, new ProcessorMatrices(1, cancellation), products);
    }

    public void TellThatProcessorMerges(string tensor, DeviceRefusal why) => Short.Add(tensor);

    private sealed class Arithmetic(StandInMatrices owner, ProcessorMatrices inner, int products) : IMatrixArithmetic
    {
        private int _left = products;

        public IMatrix Load(ReadOnlySpan<float> values, int rows, int columns) => inner.Load(values, rows, columns);

        public void Store(IMatrix matrix, Span<float> values) => inner.Store(matrix, values);

        public IMatrix Product(IMatrix a, IMatrix b, bool transposeA, bool transposeB) =>
            _left-- > 0
                ? inner.Product(a, b, transposeA, transposeB)
                : throw new DeviceRefusalException(DeviceRefusal.Memory, new InvalidOperationException("full"));

        public IMatrix Gram(IMatrix a, bool ofRows) => inner.Gram(a, ofRows);

        public IMatrix Transpose(IMatrix a) => inner.Transpose(a);

        public void Add(IMatrix sum, IMatrix term) => inner.Add(sum, term);

        public void ScaleColumns(IMatrix matrix, ReadOnlySpan<double> factors) => inner.ScaleColumns(matrix, factors);

        public double[] ColumnLengths(IMatrix matrix) => inner.ColumnLengths(matrix);

        public IMatrix Beside(IReadOnlyList<IMatrix> matrices) => inner.Beside(matrices);

        public (double[] Values, IMatrix Vectors) Eigenvectors(IMatrix symmetric, int most, double smallest) =>
            inner.Eigenvectors(symmetric, most, smallest);

        public void Weigh(IMatrix square, double factor, double offDiagonal, double added) =>
            inner.Weigh(square, factor, offDiagonal, added);

        public bool TrySolve(IMatrix system, IMatrix right) => inner.TrySolve(system, right);

        public void Dispose()
        {
            owner.Held--;
            inner.Dispose();
        }
    }
}
