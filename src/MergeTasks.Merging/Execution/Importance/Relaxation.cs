using System.Runtime.CompilerServices;
using MergeTasks.Language.Importance;
using MergeTasks.Methods.Kernels;

namespace MergeTasks.Merging.Execution.Importance;

/// <summary>AIM's last step: θ = θ_b + (θ_m − θ_b)·(1 − φ(a)·(1−ω)), a by input channel.</summary>
internal sealed class Relaxation
{
    private readonly double[] _kept;
    private readonly ChannelLayout _layout;

    /// <summary>The relaxation of one tensor.</summary>
    /// <param name="importance">a, in [0, 1], per input channel.</param>
    /// <param name="aim">φ and ω.</param>
    /// <param name="layout">Where the channels lie.</param>
    public Relaxation(IReadOnlyList<double> importance, AimDeclaration aim, ChannelLayout layout)
    {
        _kept = [.. importance.Select(a => 1 - (Scaled(a, aim) * (1 - aim.Omega)))];
        _layout = layout;
    }

    /// <summary>φ(a).</summary>
    public static double Scaled(double a, AimDeclaration aim) =>
        aim.Scaling == ImportanceScaling.Linear ? a : double.ExpM1(aim.Kappa * a) / double.ExpM1(aim.Kappa);

    /// <summary>
    /// Relaxes a block, in fp64 with one rounding: a channel of no importance stays as it is, one that is pulled back wholly is the base's.
    /// </summary>
    /// <param name="start">Flat index of the first element.</param>
    /// <param name="merged">θ_m, replaced by θ.</param>
    /// <param name="baseValues">θ_b.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Apply(long start, Span<float> merged, ReadOnlySpan<float> baseValues)
    {
        var (row, column) = (start / _layout.Columns, start % _layout.Columns);
        for (var i = 0; i < merged.Length;)
        {
            var length = (int)Math.Min(merged.Length - i, _layout.Columns - column);
            if (_layout.ByRow)
                Pull(merged.Slice(i, length), baseValues.Slice(i, length), _kept[row]);
            else
                BlockMath.Stretch(
                    merged.Slice(i, length), baseValues.Slice(i, length), _kept.AsSpan((int)(_layout.FirstOf(row) + column), length));
            i += length;
            (row, column) = (row + 1, 0);
        }
    }

    private static void Pull(Span<float> merged, ReadOnlySpan<float> baseValues, double kept)
    {
        if (kept != 1)
            BlockMath.Stretch(merged, baseValues, kept);
    }
}
