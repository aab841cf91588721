using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Kernels;

namespace MergeTasks.Methods.BuiltIn;

/// <summary>
/// Spherical interpolation of two models by their weights ("NuSLERP", described in mergekit's documentation; Shoemake 1985):
/// t = w₁/(w₀ + w₁), or ½ where |w₀ + w₁| &lt; 1e-6; with cos θ = x₀·x₁/(‖x₀‖‖x₁‖), norms below 1e-7 counting as 1e-7,
/// out = [sin((1−t)θ)·x₀ + sin(tθ)·x₁]/sin θ. Where a base is named, the models' deltas are interpolated and added to it.
/// Vectors that are (anti)parallel, |sin θ| &lt; 1e-6, are interpolated linearly.
/// </summary>
/// <remarks>
/// A vector is the whole tensor, or with <c>nuslerp_flatten: false</c> each row (last dimension), or with <c>nuslerp_row_wise: true</c> as
/// well each column (first dimension): the name says the opposite, but this is what mergekit computes. In compatibility mode the limit for
/// sin θ is mergekit's 1e-8, and cosine, angle and factors round to the tensor's type, so that bf16 vectors with a cosine above 0.998 are
/// interpolated linearly.
/// </remarks>
internal sealed class NuslerpMethod : MergeMethod
{
    private const double SmallestSum = 1e-6;
    private const double SmallestNorm = 1e-7;
    private const double SmallestSine = 1e-6;
    private const double SmallestCompatibleSine = 1e-8;

    /// <inheritdoc/>
    public override string Name => "nuslerp";

    /// <inheritdoc/>
    public override string Summary => "Spherical interpolation between two models, or between their deltas to a base.";

    /// <inheritdoc/>
    public override string Source => "https://doi.org/10.1145/325334.325242";

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterDeclaration> Parameters { get; } =
    [
        new(SharedParameters.Weight, null, "The model's share.") { PerModel = true },
        new("nuslerp_flatten", 1, "Interpolate the whole tensor as one vector.") { IsFlag = true },
        new(
            "nuslerp_row_wise", 0, "With nuslerp_flatten off: interpolate columns (first dimension) and not rows (last dimension).")
            {
                IsFlag = true
            },
    ];

    /// <inheritdoc/>
    public override BaseUse Base => BaseUse.Optional;

    /// <inheritdoc/>
    public override int MinModels => 2;

    /// <inheritdoc/>
    public override int MaxModels => 2;

    /// <inheritdoc/>
    public override TensorMerge Begin(TensorContext context)
    {
        var axis = context.Flag("nuslerp_flatten") ? VectorAxis.Tensor
            : context.Flag("nuslerp_row_wise") ? VectorAxis.First
            : VectorAxis.Last;
        var weights = context.ModelIndices().Select(i => context.Inputs[i][SharedParameters.Weight]).ToArray();
        var t = weights.Length < 2 || Math.Abs(weights.Sum()) < SmallestSum ? 0.5 : weights[1] / weights.Sum();
        return new CombiningMerge(context, axis, (gram, factors) => Interpolate(context, gram, t, factors));
    }

    private static void Interpolate(TensorContext context, Gram gram, double t, Span<double> factors)
    {
        var cosine = Math.Clamp(gram[0, 1] / (Math.Max(gram.Norm(0), SmallestNorm) * Math.Max(gram.Norm(1), SmallestNorm)), -1, 1);
        var isCompatible = context.CompatibleDType is not null;
        var theta = isCompatible ? context.Round(Math.Acos(context.Round(cosine))) : Math.Acos(cosine);
        var sine = isCompatible ? context.Round(Math.Sin(theta)) : Math.Sin(theta);
        if (Math.Abs(sine) < (isCompatible ? SmallestCompatibleSine : SmallestSine))
            (factors[0], factors[1]) = (1 - t, t);
        else
            (factors[0], factors[1]) = (Math.Sin((1 - t) * theta) / sine, Math.Sin(t * theta) / sine);
        if (isCompatible)
            (factors[0], factors[1]) = (context.Round(factors[0]), context.Round(factors[1]));
    }
}
