using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Kernels;

namespace MergeTasks.Methods.BuiltIn;

/// <summary>
/// Model Stock (Jang et al. 2024, arXiv 2403.19522): between the base and the models' mean, by how much the N deltas oᵢ = xᵢ − base agree.
/// c̄ = mean of cos(oᵢ, oⱼ) over all pairs; t = N·c̄/(1 + (N−1)·c̄); out = t·mean(xᵢ) + (1−t)·base. A vector is the whole tensor, or with
/// <c>filter_wise</c> each row.
/// </summary>
/// <remarks>
/// Deltas that point apart (c̄ &lt; 0) give t = 0, the base itself; mergekit extrapolates away from the models there, and compatibility
/// mode does too. mergekit also divides by at least 1e-6 in the cosine, which turns small but equal deltas into nearly orthogonal ones;
/// only compatibility mode does.
/// A zero delta has cosine 0 with every other.
/// </remarks>
internal sealed class ModelStockMethod : MergeMethod
{
    private const double SmallestCompatibleProduct = 1e-6;

    /// <inheritdoc/>
    public override string Name => "model_stock";

    /// <inheritdoc/>
    public override string Summary => "Moves from the base towards the models' mean as far as their deltas agree.";

    /// <inheritdoc/>
    public override string Source => "https://arxiv.org/abs/2403.19522";

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterDeclaration> Parameters { get; } =
    [
        new("filter_wise", 0, "Decide row by row and not for the whole tensor.") { IsFlag = true },
    ];

    /// <inheritdoc/>
    public override BaseUse Base => BaseUse.Required;

    /// <inheritdoc/>
    public override int MinModels => 2;

    /// <inheritdoc/>
    public override TensorMerge Begin(TensorContext context) =>
        new CombiningMerge(context, context.Flag("filter_wise") ? VectorAxis.Last : VectorAxis.Tensor,
            (gram, factors) => factors.Fill(Share(gram, context.CompatibleDType is not null) / gram.Models));

    private static double Share(Gram gram, bool isCompatible)
    {
        var (models, sum) = (gram.Models, 0.0);
        for (var i = 0; i < models; i++)
        {
            for (var j = i + 1; j < models; j++)
            {
                var product = gram.Norm(i) * gram.Norm(j);
                if (isCompatible)
                    product = Math.Max(product, SmallestCompatibleProduct);
                sum += product == 0 ? 0 : Math.Clamp(gram[i, j] / product, -1, 1);
            }
        }

        var mean = sum / (models * (models - 1) / 2);
        return isCompatible || mean > 0 ? models * mean / (1 + ((models - 1) * mean)) : 0;
    }
}
