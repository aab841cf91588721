using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Kernels;
using MergeTasks.Numerics.Algebra;
using MergeTasks.Numerics.Memory;

namespace MergeTasks.Methods.BuiltIn;

/// <summary>
/// For methods that need whole matrices: one pass loads a tensor's inputs into memory, in fp32, then everything is solved at once.
/// </summary>
/// <param name="context">The tensor.</param>
/// <param name="inputs">Indices of the inputs that are loaded.</param>
/// <param name="isDelta">Whether the base is subtracted from them, and added to the result.</param>
internal abstract class MatrixMerge(TensorContext context, int[] inputs, bool isDelta) : TensorMerge
{
    /// <summary>
    /// Matrices whose smaller side is below this stay on the processor: its operations are over before as many small ones have been started
    /// on a device. An estimate.
    /// </summary>
    public const int SmallestOnDevice = 256;

    private readonly int _base = isDelta ? context.BaseIndex : -1;
    private float[][] _loaded = [];
    private float[] _merged = [];

    /// <summary>The tensor.</summary>
    protected TensorContext Context => context;

    public override int BeginPass(int pass)
    {
        if (pass > 0 || CopyOf is not null)
            return -1;
        _loaded = [.. inputs.Select(_ => LargeArray.Of<float>(context.ElementCount))];
        return 0;
    }

    public override void Analyze(int pass, MergeBlock block, Span<double> partials)
    {
        var baseValues = isDelta ? block.Load(_base, 0) : [];
        for (var i = 0; i < inputs.Length; i++)
        {
            var values = block.Load(inputs[i], 1);
            if (isDelta)
                BlockMath.Subtract(values, baseValues);
            values.CopyTo(_loaded[i].AsSpan((int)block.Start));
        }
    }

    public override void EndPass(int pass, double[] partials)
    {
        _merged = LargeArray.Of<float>(context.ElementCount);
        if (!TrySolveOnDevice())
        {
            using var arithmetic = new ProcessorMatrices(context.Workers, context.Cancellation);
            Solve(arithmetic, _loaded, _merged);
        }

        _loaded = [];
    }

    public override void Merge(MergeBlock block)
    {
        if (CopyOf is { } only)
        {
            block.LoadOutput(only);
            return;
        }

        _merged.AsSpan((int)block.Start, block.Count).CopyTo(block.Output);
        if (isDelta)
            BlockMath.Add(block.Output, block.Load(_base, 0));
    }

    /// <summary>Merges the loaded inputs.</summary>
    /// <param name="arithmetic">Computes.</param>
    /// <param name="loaded">The inputs, or their deltas, row by row.</param>
    /// <param name="merged">Gets the merged tensor, or delta.</param>
    protected abstract void Solve(IMatrixArithmetic arithmetic, float[][] loaded, float[] merged);

    private bool TrySolveOnDevice()
    {
        if (context.Device is null)
            return false;
        try
        {
            using var arithmetic = context.Device.Begin(context.Cancellation);
            Solve(arithmetic, _loaded, _merged);
            return true;
        }
        catch (DeviceRefusalException e)
        {
            context.Device.TellThatProcessorMerges(context.Tensor, e.Why);
            return false;
        }
    }
}
