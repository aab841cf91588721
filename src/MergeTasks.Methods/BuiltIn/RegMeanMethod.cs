using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Kernels;

namespace MergeTasks.Methods.BuiltIn;

/// <summary>
/// RegMean (Jin et al. 2023, arXiv 2212.09849): for each linear layer the weight whose outputs are nearest, in the least squares sense, to
/// those of all models on their own inputs. With Gᵢ the mean of xᵀx over the inputs x of the layer in model i on its task
/// (<see cref="ModelStatistic.InputProducts"/>), G̃ᵢ = weightᵢ·Gᵢ with all elements off the diagonal multiplied by <c>off_diagonal</c>, and
/// W [out, in]: Wᵀ = (Σ G̃ᵢ)⁻¹·Σ G̃ᵢWᵢᵀ. All other tensors (embeddings, norms, biases): Σ weightᵢθᵢ ÷ Σ weightᵢ.
/// </summary>
/// <remarks>
/// To every G̃ᵢ 1e-9 of the mean of the diagonal of their sum is added on the diagonal (1 where that is zero), so that inputs that never
/// occur get the models' mean. Weights that are stored [in, out], such as GPT-2's, are taken as they are meant. Solved by Cholesky
/// decomposition in fp64, with the layer's matrices in memory. Compatibility mode changes nothing, because mergekit does not have this
/// method.
/// </remarks>
internal sealed class RegMeanMethod : MergeMethod
{
    /// <inheritdoc/>
    public override string Name => "regmean";

    /// <inheritdoc/>
    public override string Summary => "For each linear layer the weight whose outputs come nearest to all models' on their own inputs.";

    /// <inheritdoc/>
    public override string Source => "https://arxiv.org/abs/2212.09849";

    /// <inheritdoc/>
    public override int NumericsVersion => 2;

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterDeclaration> Parameters { get; } =
    [
        new(SharedParameters.Weight, 1, "The model's share.") { PerModel = true, Minimum = 0 },
        new(
            "off_diagonal", 0.9, "Factor of the products of different inputs; 1 leaves them, 0 gives an average by channel.")
            {
                Minimum = 0, Maximum = 1
            },
    ];

    /// <inheritdoc/>
    internal override ModelStatistic Statistic => ModelStatistic.InputProducts;

    /// <inheritdoc/>
    public override string? Conflict(TensorContext context) => WeightSum.Conflict(context, null);

    /// <inheritdoc/>
    internal override bool ComputesWithMatrix(TensorContext context) =>
        IsSolved(context) && Math.Min(context.Shape[^1], context.Shape[^2]) >= MatrixMerge.SmallestOnDevice;

    /// <inheritdoc/>
    public override TensorMerge Begin(TensorContext context) =>
        IsSolved(context) ? new RegMeanMerge(context) : new LinearMethod().Begin(context with
        {
            CompatibleDType = null,
            Parameters = new Dictionary<string, double> { ["normalize"] = 1 },
        });

    private static bool IsSolved(TensorContext context) =>
        context.Inputs[0].Statistic is not null && context.Shape.Count is 2 or 3 && context.ElementCount > 0;
}
