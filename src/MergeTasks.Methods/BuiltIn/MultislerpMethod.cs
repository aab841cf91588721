using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Kernels;
using MergeTasks.Numerics;
namespace MergeTasks.Methods.BuiltIn;

/// <summary>
/// Weighted spherical mean of any number of models (described in mergekit's documentation). With uᵢ = xᵢ/(‖xᵢ‖ + eps), whole tensors as
/// vectors, and m = Σ wᵢuᵢ: out = m/‖m‖ · Σ wᵢ‖xᵢ‖. Where a base is named, this is done with the models' deltas, and the base is added.
/// With <c>normalize_weights</c> the weights are divided by their sum first.
/// </summary>
/// <remarks>
/// mergekit then takes one step on the sphere from m/‖m‖ towards Σ wᵢτᵢ, where τᵢ is uᵢ without its part along m. That sum is zero whatever
/// the vectors are, because Σ wᵢuᵢ is m itself, so the step is left out. Where ‖m‖ &lt; eps, two models are added as w₀x₀ + w₁x₁, and more
/// are an error.
/// </remarks>
internal sealed class MultislerpMethod : MergeMethod
{
    /// <inheritdoc/>
    public override string Name => "multislerp";

    /// <inheritdoc/>
    public override string Summary =>
        "Weighted mean of the models' directions and of their lengths, or of those of their deltas to a base.";

    /// <inheritdoc/>
    public override string Source => "https://github.com/arcee-ai/mergekit (documented behaviour)";

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterDeclaration> Parameters { get; } =
    [
        new(SharedParameters.Weight, null, "The model's share.") { PerModel = true },
        new("normalize_weights", 1, "Divide the weights by their sum.") { IsFlag = true },
        new("eps", 1e-8, "Lengths below this count as zero.") { Minimum = 0 },
    ];

    /// <inheritdoc/>
    public override BaseUse Base => BaseUse.Optional;

    /// <inheritdoc/>
    public override string? Conflict(TensorContext context) => WeightSum.Conflict(context, "normalize_weights");

    /// <inheritdoc/>
    public override TensorMerge Begin(TensorContext context)
    {
        var weights = context.ModelIndices().Select(i => context.Inputs[i][SharedParameters.Weight]).ToArray();
        var divisor = context.Flag("normalize_weights") ? weights.Sum() : 1;
        var shares = Array.ConvertAll(weights, weight => weight / divisor);
        return new CombiningMerge(context, VectorAxis.Tensor, (gram, factors) => Average(gram, shares, context["eps"], factors));
    }

    private static void Average(Gram gram, double[] weights, double eps, Span<double> factors)
    {
        var (squares, length) = (0.0, 0.0);
        for (var i = 0; i < weights.Length; i++)
        {
            factors[i] = weights[i] / (gram.Norm(i) + eps);
            length += weights[i] * gram.Norm(i);
        }

        for (var i = 0; i < weights.Length; i++)
        {
            for (var j = 0; j < weights.Length; j++)
                squares += factors[i] * factors[j] * gram[i, j];
        }

        var norm = Math.Sqrt(Math.Max(0, squares));
        if (!(norm < eps) && norm != 0)
        {
            foreach (ref var factor in factors)
                factor *= length / norm;
        }
        else if (weights.Length == 2 || length == 0)
        {
            weights.CopyTo(factors);
        }
        else
        {
            throw new NumericException(NumericProblem.Undefined, "the models' directions cancel out, so they have no spherical mean");
        }
    }
}
