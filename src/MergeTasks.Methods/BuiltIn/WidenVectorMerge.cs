using System.Runtime.CompilerServices;
using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Kernels;

namespace MergeTasks.Methods.BuiltIn;

/// <summary><see cref="WidenMethod"/> on a vector: one pass for the mean size of each model's delta.</summary>
internal sealed class WidenVectorMerge(TensorContext context) : TensorMerge
{
    private readonly int _base = context.BaseIndex;
    private readonly int[] _models = context.ModelIndices();
    // From here on exponentials are taken relative to the largest, because those of some larger numbers are infinite.
    private const float LargeExponent = 500;

    private readonly double[] _limits = new double[context.Inputs.Count];

    public override int? CopyOf => _models.Length == 0 ? _base : null;

    public override int BeginPass(int pass) => pass == 0 && CopyOf is null ? _models.Length : -1;

    public override void Analyze(int pass, MergeBlock block, Span<double> partials)
    {
        LoadDeltas(block);
        for (var model = 0; model < _models.Length; model++)
            partials[model] = BlockSums.Magnitudes(block.Buffer(model + 1));
    }

    public override void EndPass(int pass, double[] partials)
    {
        for (var model = 0; model < _models.Length; model++)
            _limits[model] = context["above_average_value_ratio"] * Sum(partials, _models.Length, model) / Math.Max(
                1, context.ElementCount);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Merge(MergeBlock block)
    {
        LoadDeltas(block);
        Span<double> sums = stackalloc double[BlockLength];
        Span<float> shifts = stackalloc float[BlockLength];
        sums.Clear();
        shifts.Clear();
        for (var model = 0; model < _models.Length; model++)
        {
            var delta = block.Buffer(model + 1);
            for (var i = 0; i < delta.Length; i++)
                shifts[i] = Math.Abs(delta[i]) > LargeExponent ? Math.Max(shifts[i], Math.Abs(delta[i])) : shifts[i];
        }

        for (var model = 0; model < _models.Length; model++)
        {
            var delta = block.Buffer(model + 1);
            for (var i = 0; i < delta.Length; i++)
                sums[i] += Math.Exp(Math.Abs(delta[i]) - shifts[i]);
        }

        block.LoadOutput(_base);
        for (var model = 0; model < _models.Length; model++)
        {
            var delta = block.Buffer(model + 1);
            for (var i = 0; i < delta.Length; i++)
            {
                var size = Math.Abs(delta[i]);
                var score = size > _limits[model] ? context["score_calibration_value"] : Math.Exp(size - shifts[i]) / sums[i];
                block.Output[i] += (float)(score * delta[i]);
            }
        }
    }

    private void LoadDeltas(MergeBlock block)
    {
        var baseValues = block.Load(_base, 0);
        for (var model = 0; model < _models.Length; model++)
            BlockMath.Subtract(block.Load(_models[model], model + 1), baseValues);
    }
}
