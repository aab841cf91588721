using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Kernels;

namespace MergeTasks.Methods.BuiltIn;

/// <summary>
/// Task singular vectors, TSV-M (Gargiulo et al. 2025, arXiv 2412.00081). For a matrix with N deltas δᵢ = xᵢ − base: of each δᵢ = UᵢΣᵢVᵢᵀ
/// the k = max(1, ⌊min(rows, columns)/N⌋) largest singular values with their vectors stay; all of them side by side are U, Σ, V; these are
/// orthogonalised to U⊥ = PQᵀ of U = PDQᵀ, and V⊥ likewise; out = base + lambda·U⊥ΣV⊥ᵀ. Vectors: out = base + lambda·mean(δᵢ). Each matrix
/// of a stack is one of its own.
/// </summary>
/// <remarks>
/// Singular values below 3e-7 of the largest are left out, and so are directions of U and V that 3e-7 of the largest does not reach:
/// numbers in fp32 do not determine them. All in fp64, by way of the eigenvectors of δᵢᵀδᵢ or δᵢδᵢᵀ, whichever is smaller, of UᵀU and of
/// VᵀV, with all models' deltas and a few more matrices in memory. Elements are within 2e-6 of the largest of exact ones, 2e-5 where kept
/// singular values reach down to 1e-6.
/// Compatibility mode changes nothing, because mergekit does not have this method.
/// </remarks>
internal sealed class TsvMethod : MergeMethod
{
    /// <inheritdoc/>
    public override string Name => "tsv";

    /// <inheritdoc/>
    public override string Summary => "Adds the deltas' main singular vectors, made orthogonal across the models.";

    /// <inheritdoc/>
    public override string Source => "https://arxiv.org/abs/2412.00081";

    /// <inheritdoc/>
    public override int NumericsVersion => 2;

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterDeclaration> Parameters { get; } =
    [
        new("lambda", 1, "Factor of the merged delta."),
    ];

    /// <inheritdoc/>
    public override BaseUse Base => BaseUse.Required;

    /// <inheritdoc/>
    internal override bool ComputesWithMatrix(TensorContext context) =>
        context.Shape.Count >= 2
            && context.ElementCount > 0
            && Math.Min(context.Shape[^1], context.Shape[^2]) >= MatrixMerge.SmallestOnDevice;

    /// <inheritdoc/>
    public override TensorMerge Begin(TensorContext context) =>
        context.Shape.Count < 2 || context.ElementCount == 0
            ? new CombiningMerge(
                context, VectorAxis.Tensor, (gram, factors) => factors.Fill(context["lambda"] / gram.Models), alwaysCombines: true)
            : new TsvMerge(context);
}
