using System.Runtime.CompilerServices;
using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Kernels;

namespace MergeTasks.Methods.BuiltIn;

/// <summary>
/// The merges of <see cref="RamMethod"/> and <see cref="RamPlusMethod"/>: means of the deltas that are larger than epsilon, where one that
/// stands alone may have a factor that follows from a pass of counting.
/// </summary>
internal sealed class ActiveDeltasMerge : TensorMerge
{
    private readonly TensorContext _context;
    private readonly (double R, double Alpha)? _amplification;
    private readonly int _base;
    private readonly int[] _models;
    private readonly float _epsilon;
    private readonly float[] _alone;

    /// <summary>Prepares.</summary>
    /// <param name="context">The tensor.</param>
    /// <param name="amplification">What the factor of lone deltas follows from; <see langword="null"/>: it is 1.</param>
    public ActiveDeltasMerge(TensorContext context, (double R, double Alpha)? amplification)
    {
        (_context, _amplification) = (context, amplification);
        _base = context.BaseIndex;
        _models = context.ModelIndices();
        _epsilon = context.Round(context["epsilon"]);
        _alone = [.. _models.Select(_ => 1f)];
    }

    public override int? CopyOf => _models.Length == 0 ? _base : null;

    public override int BeginPass(int pass) => pass == 0 && _amplification is not null && CopyOf is null ? 2 * _models.Length : -1;

    public override void Analyze(int pass, MergeBlock block, Span<double> partials)
    {
        var baseValues = block.Load(_base, 0);
        var counts = CountActive(block, baseValues);
        for (var model = 0; model < _models.Length; model++)
        {
            var delta = block.Buffer(model + 2);
            for (var i = 0; i < delta.Length; i++)
            {
                if (MathF.Abs(delta[i]) > _epsilon)
                    partials[(2 * model) + (counts[i] > 1 ? 1 : 0)]++;
            }
        }
    }

    public override void EndPass(int pass, double[] partials)
    {
        var (r, alpha) = _amplification!.Value;
        for (var model = 0; model < _models.Length; model++)
        {
            var unique = Sum(partials, 2 * _models.Length, 2 * model);
            var shared = Sum(partials, 2 * _models.Length, (2 * model) + 1);
            _alone[model] = (float)(1 + (r * Math.Clamp(shared / Math.Max(unique, _context["epsilon"]), 0, alpha)));
        }
    }

    public override void Merge(MergeBlock block)
    {
        if (_models.Length == 0)
        {
            block.LoadOutput(_base);
            return;
        }

        var baseValues = block.Load(_base, 0);
        var counts = CountActive(block, baseValues);
        block.Output.Clear();
        for (var model = 0; model < _models.Length; model++)
            AddActive(block.Buffer(model + 2), counts, _alone[model], block.Output);

        // RAM+ multiplies by an fp32 number in the reference, so nothing is rounded from there on.
        if (_amplification is null)
            _context.Round(block.Output);
        BlockMath.Add(block.Output, baseValues);
        if (_amplification is null)
            _context.Round(block.Output);
    }

    // Leaves the deltas in the buffers from 2 on.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private Span<float> CountActive(MergeBlock block, ReadOnlySpan<float> baseValues)
    {
        var counts = block.Buffer(1);
        counts.Clear();
        for (var model = 0; model < _models.Length; model++)
        {
            var delta = block.Load(_models[model], model + 2);
            BlockMath.Subtract(delta, baseValues);
            _context.Round(delta);
            for (var i = 0; i < delta.Length; i++)
                counts[i] += MathF.Abs(delta[i]) > _epsilon ? 1 : 0;
        }

        return counts;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AddActive(ReadOnlySpan<float> delta, ReadOnlySpan<float> counts, float alone, Span<float> sum)
    {
        // RAM+ multiplies a lone delta by an fp32 number in the reference, so that is not rounded.
        var roundsLone = _amplification is null;
        for (var i = 0; i < delta.Length; i++)
        {
            if (!(MathF.Abs(delta[i]) > _epsilon))
                continue;
            var share = counts[i] > 1 ? delta[i] / counts[i] : delta[i] * alone;
            sum[i] += _context.CompatibleDType is not null && (counts[i] > 1 || roundsLone) ? _context.Round(share) : share;
        }
    }
}
