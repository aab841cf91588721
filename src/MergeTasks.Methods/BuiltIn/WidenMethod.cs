using MergeTasks.Methods.Contract;

namespace MergeTasks.Methods.BuiltIn;

/// <summary>
/// WIDEN (Yu et al. 2024, arXiv 2408.03092): weighs each column of each model's delta by how much the column's length and direction changed
/// in comparison with the other models. For a matrix and model i: Δm = |‖wᵢⱼ‖ − ‖w₀ⱼ‖| and Δd = 1 − cos(wᵢⱼ, w₀ⱼ) for each column j; R =
/// its place in ascending order of that number (equal ones by index, columns of zeros last) ÷ number of columns; score = softmax of R over
/// the models, or <c>score_calibration_value</c> where R is larger than <c>above_average_value_ratio</c> times its mean; out = w₀ + Σᵢ
/// ½(score of Δm + score of Δd)·(wᵢ − w₀). For a vector: score = softmax of |wᵢ − w₀| over the models per element, with the same
/// replacement.
/// </summary>
/// <remarks>
/// Input embeddings count as transposed, so that a column is a token. Each matrix of a stack (of experts) is one of its own. Scores are not
/// normalised over the models. Compatibility mode changes nothing, because mergekit does not have this method.
/// </remarks>
internal sealed class WidenMethod : MergeMethod
{
    private static readonly string[] Embeddings = [
        "embed_tokens.weight", "wte.weight", "embed_in.weight", "word_embeddings.weight", "tok_embeddings.weight"
    ];

    /// <inheritdoc/>
    public override string Name => "widen";

    /// <inheritdoc/>
    public override string Summary => "Weighs each column of the deltas by how much its length and direction changed.";

    /// <inheritdoc/>
    public override string Source => "https://arxiv.org/abs/2408.03092";

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterDeclaration> Parameters { get; } =
    [
        new(
            "above_average_value_ratio", 1, "Columns whose rank exceeds this multiple of the mean rank get the calibration value.")
            {
                Minimum = 0
            },
        new("score_calibration_value", 1, "Score of columns that changed most."),
    ];

    /// <inheritdoc/>
    public override BaseUse Base => BaseUse.Required;

    /// <inheritdoc/>
    public override TensorMerge Begin(TensorContext context) =>
        context.Shape.Count < 2 ? new WidenVectorMerge(context)
        : new WidenMatrixMerge(
            context,
            context.Shape.Count == 2 && Array.Exists(Embeddings, suffix => context.Tensor.EndsWith(suffix, StringComparison.Ordinal)));
}
