using System.Numerics.Tensors;
using MergeTasks.Numerics.Threads;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Transformers.Execution;

/// <summary>One run of a batch through the blocks: its rows, its memory, and who listens.</summary>
internal sealed class Pass
{
    /// <summary>Rows that one piece of row-wise work takes. Fixed, so that sums over rows do not depend on the number of threads.</summary>
    public const int RowsPerPiece = 32;

    private readonly Dictionary<(RopeSpec Spec, int Length), Rotation> _rotations = [];

    /// <summary>The batch.</summary>
    public required BatchLayout Layout { get; init; }

    /// <summary>Memory.</summary>
    public required ActivationPool Pool { get; init; }

    /// <summary>Most threads to use.</summary>
    public required int Threads { get; init; }

    /// <summary>Ends the pass.</summary>
    public required CancellationToken Cancellation { get; init; }

    /// <summary>Where the forward pass keeps what the backward pass needs; null: nothing is kept.</summary>
    public Tape? Tape { get; set; }

    /// <summary>Who sees module inputs.</summary>
    public IActivationObserver? Observer { get; init; }

    /// <summary>Who takes gradients.</summary>
    public IGradientReceiver? Receiver { get; init; }

    /// <summary>Gradients of parameters that several blocks use.</summary>
    public SharedGradients Shared { get; } = new();

    /// <summary>What blocks give to later ones beside the residual stream.</summary>
    public CarriedValues Carried { get; } = new();

    /// <summary>Rents a matrix with undefined contents.</summary>
    public Activation Rent(int rows, int channels) => Pool.Rent(rows, channels);

    /// <summary>Rents a matrix of zeros.</summary>
    public Activation RentZeros(int rows, int channels)
    {
        var activation = Pool.Rent(rows, channels);
        activation.Values.Clear();
        return activation;
    }

    /// <summary>The rotary table for sequences of a length, made once per run and shared by all layers.</summary>
    public Rotation Rotation(RopeSpec spec, int length)
    {
        if (!_rotations.TryGetValue((spec, length), out var rotation))
            _rotations.Add((spec, length), rotation = new Rotation(spec, length));
        return rotation;
    }

    /// <summary>
    /// Most threads for a matrix product that begins now, or the end of a cancelled pass: between products, because one layer of a large
    /// model takes seconds.
    /// </summary>
    /// <exception cref="OperationCanceledException">The pass is cancelled.</exception>
    public int ThreadsForProduct()
    {
        Cancellation.ThrowIfCancellationRequested();
        return Threads;
    }

    /// <summary>Runs independent pieces of work.</summary>
    public void For(int pieces, Action<int> work) => Workers.For(Threads, pieces, work);

    /// <summary>Runs row-wise work over fixed pieces of rows.</summary>
    /// <param name="rows">Number of rows.</param>
    /// <param name="work">Takes the first row and the one after the last.</param>
    public void ForRows(int rows, Action<int, int> work) =>
        Workers.For(Threads, (rows + RowsPerPiece - 1) / RowsPerPiece, piece =>
            work(piece * RowsPerPiece, Math.Min(rows, (piece + 1) * RowsPerPiece)));

    /// <summary>Shows module inputs to the observer, if there is one.</summary>
    public void Observe(IReadOnlyList<string> modules, Activation input, int[]? batchRows = null)
    {
        if (Observer is null || modules.Count == 0 || input.Rows == 0)
            return;
        Observer.Observe(new ModuleInput
        {
            Modules = modules,
            Values = input.Values,
            Channels = input.Channels,
            BatchRows = batchRows ?? Layout.Identity,
        });
    }
}

/// <summary>
/// Gradients of parameters that several blocks of a model use: each block's is added to those before, and the sum is handed out with the
/// last.
/// </summary>
internal sealed class SharedGradients
{
    private readonly Dictionary<string, (float[] Sum, long Left)> _sums = new(StringComparer.Ordinal);

    /// <summary>Adds some rows of one use's gradient.</summary>
    /// <param name="piece">The rows.</param>
    /// <param name="uses">How many uses there are in all.</param>
    /// <param name="receiver">Takes the sum.</param>
    public void Add(in GradientPiece piece, int uses, IGradientReceiver receiver)
    {
        var count = piece.Shape.Aggregate(1L, (product, size) => product * size);
        var (sum, left) = _sums.TryGetValue(piece.Parameter, out var known) ? known : (new float[count], count * uses);
        var own = sum.AsSpan((int)(piece.FirstRow * (count / piece.Shape[0])), piece.Values.Length);
        TensorPrimitives.Add(own, piece.Values, own);
        left -= piece.Values.Length;
        _sums[piece.Parameter] = (sum, left);
        if (left > 0)
            return;
        _sums.Remove(piece.Parameter);
        receiver.Receive(new GradientPiece { Parameter = piece.Parameter, Shape = piece.Shape, FirstRow = 0, Values = sum });
    }
}
