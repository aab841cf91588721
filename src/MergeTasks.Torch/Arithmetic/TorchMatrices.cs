using System.Runtime.InteropServices;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Numerics;
using MergeTasks.Numerics.Algebra;
using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Torch.Arithmetic;

/// <summary>
/// <see cref="IMatrixArithmetic"/> by TorchSharp on a device, in fp64. To be used from one thread at a time, the one that made it.
/// </summary>
internal sealed class TorchMatrices : IMatrixArithmetic
{
    // Elements that go to the device, or come from it, at a time.
    private const int PieceLength = 1 << 24;

    private readonly Device _device;
    private readonly CancellationToken _cancellation;
    private readonly DisposeScope _scope;

    /// <summary>Takes a device into use.</summary>
    /// <param name="options">The device.</param>
    /// <param name="cancellation">Ends the work between steps.</param>
    /// <exception cref="ModelException"><see cref="ModelError.NoDevice"/>: libtorch cannot be loaded, or has no such device.</exception>
    public TorchMatrices(DeviceOptions options, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(options);
        _cancellation = cancellation;
        _device = TorchRuntime.DeviceOf(options);
        TorchRuntime.Start(options);
        _scope = NewDisposeScope();
    }

    /// <summary>The search for eigenvalues and eigenvectors.</summary>
    internal Func<Tensor, (Tensor Values, Tensor Vectors)> Search { get; init; } = symmetric => linalg.eigh(symmetric);

    /// <inheritdoc/>
    public IMatrix Load(ReadOnlySpan<float> values, int rows, int columns)
    {
        var matrix = Matrix(() => empty(rows, columns, float64, _device));
        var rowsAtOnce = Math.Max(1, PieceLength / Math.Max(1, columns));
        for (var row = 0; row < rows; row += rowsAtOnce)
        {
            var (first, count) = (row, Math.Min(rowsAtOnce, rows - row));
            var piece = values.Slice(row * columns, count * columns).ToArray();
            Run(() => matrix.Value.narrow(0, first, count).copy_(tensor(piece, [count, columns]).to(_device).to(float64)));
        }

        return matrix;
    }

    /// <inheritdoc/>
    public void Store(IMatrix matrix, Span<float> values)
    {
        var (own, columns) = (Of(matrix), matrix.Columns);
        var rowsAtOnce = Math.Max(1, PieceLength / Math.Max(1, columns));
        for (var row = 0; row < matrix.Rows && columns > 0; row += rowsAtOnce)
        {
            var (first, count) = (row, Math.Min(rowsAtOnce, matrix.Rows - row));
            var piece = new float[count * columns];
            Run(() => HostCopies.Singles(own.narrow(0, first, count)).CopyTo(piece, 0));
            piece.CopyTo(values[(row * columns)..]);
        }
    }

    /// <inheritdoc/>
    public IMatrix Product(IMatrix a, IMatrix b, bool transposeA = false, bool transposeB = false) =>
        Matrix(() => (transposeA ? Of(a).t() : Of(a)).mm(transposeB ? Of(b).t() : Of(b)));

    /// <inheritdoc/>
    public IMatrix Gram(IMatrix a, bool ofRows) => Matrix(() => ofRows ? Of(a).mm(Of(a).t()) : Of(a).t().mm(Of(a)));

    /// <inheritdoc/>
    public IMatrix Transpose(IMatrix a) => Matrix(() => Of(a).t().contiguous());

    /// <inheritdoc/>
    public void Add(IMatrix sum, IMatrix term) => Run(() => Of(sum).add_(Of(term)));

    /// <inheritdoc/>
    public void ScaleColumns(IMatrix matrix, ReadOnlySpan<double> factors)
    {
        var columns = factors.ToArray();
        if (columns.Length > 0)
            Run(() => Of(matrix).mul_(tensor(columns, [columns.Length]).to(_device)));
    }

    /// <inheritdoc/>
    public double[] ColumnLengths(IMatrix matrix)
    {
        var lengths = new double[matrix.Columns];
        if (lengths.Length > 0)
            Run(() => HostCopies.Doubles(linalg.vector_norm(Of(matrix), 2.0, [0])).CopyTo(lengths, 0));
        return lengths;
    }

    /// <inheritdoc/>
    public IMatrix Beside(IReadOnlyList<IMatrix> matrices) =>
        Matrix(() => matrices.Count == 1 ? Of(matrices[0]).clone() : cat(matrices.Select(Of).ToArray(), 1));

    /// <inheritdoc/>
    public (double[] Values, IMatrix Vectors) Eigenvectors(IMatrix symmetric, int most, double smallest)
    {
        double[] largest = [];
        var vectors = Matrix(() =>
        {
            if (HostCopies.Integers(Of(symmetric).isfinite().all())[0] == 0)
                throw new NumericException(
                    NumericProblem.Undefined, "its matrix has elements that are not finite, so it has no singular vectors");
            var (values, vectors) = Search(Of(symmetric));
            var descending = HostCopies.Doubles(values).Reverse().ToArray();

            // LAPACK and cuSOLVER do not always report a search that ended without a result.
            if (!descending.All(double.IsFinite) || HostCopies.Integers(vectors.isfinite().all())[0] == 0)
                throw new DeviceRefusalException(
                    DeviceRefusal.Convergence, new ArithmeticException("The eigenvectors of a finite matrix are not finite."));
            largest = [.. descending.TakeWhile(value => value > 0 && value > smallest * descending[0]).Take(most)];
            return vectors.narrow(1, descending.Length - largest.Length, largest.Length).flip(1).contiguous();
        });
        symmetric.Dispose();
        return (largest, vectors);
    }

    /// <inheritdoc/>
    public void Weigh(IMatrix square, double factor, double offDiagonal, double added) => Run(() =>
    {
        var diagonal = Of(square).diagonal(0, 0, 1);
        var weighed = diagonal.clone().mul_(factor).add_(added);
        Of(square).mul_(factor * offDiagonal);
        diagonal.copy_(weighed);
    });

    /// <inheritdoc/>
    public bool TrySolve(IMatrix system, IMatrix right)
    {
        var isSolved = false;
        var solution = Matrix(() =>
        {
            var (lower, fault) = linalg.cholesky_ex(Of(system));
            isSolved = HostCopies.Integers(fault)[0] == 0;
            return isSolved ? Of(right).cholesky_solve(lower) : empty(0, 0, float64, _device);
        });
        if (isSolved)
            ((TorchMatrix)right).Replace(solution.Value);
        else
            solution.Dispose();
        return isSolved;
    }

    /// <inheritdoc/>
    public void Dispose() => _scope.Dispose();

    private static Tensor Of(IMatrix matrix) => ((TorchMatrix)matrix).Value;

    private TorchMatrix Matrix(Func<Tensor> compute)
    {
        Tensor? result = null;
        Run(() => result = compute().MoveToOuterDisposeScope());
        return new TorchMatrix(result!);
    }

    private void Run(Action compute)
    {
        _cancellation.ThrowIfCancellationRequested();
        try
        {
            using var scope = NewDisposeScope();
            compute();
        }
        catch (ExternalException e) when (DeviceFault.IsShortMemory(e))
        {
            throw new DeviceRefusalException(DeviceRefusal.Memory, e);
        }
        catch (ExternalException e) when (DeviceFault.IsNoConvergence(e))
        {
            throw new DeviceRefusalException(DeviceRefusal.Convergence, e);
        }
        catch (ExternalException e) when (_device.type == DeviceType.CUDA)
        {
            throw new DiagnosticException(
                DiagnosticCode.DeviceLibraries, $"The device '{_device}' failed: {DeviceFault.Describe(e)}.", null);
        }
    }
}
