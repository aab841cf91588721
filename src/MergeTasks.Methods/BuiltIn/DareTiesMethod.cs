using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Sparsifying;

namespace MergeTasks.Methods.BuiltIn;

/// <summary>
/// DARE (Yu et al. 2024, arXiv 2311.03099) followed by the sign election of TIES (arXiv 2306.01708).
/// </summary>
internal sealed class DareTiesMethod : MergeMethod
{
    /// <inheritdoc/>
    public override string Name => "dare_ties";

    /// <inheritdoc/>
    public override string Summary => "Drops random elements of the deltas, restores their norm, elects signs, adds the deltas that agree.";

    /// <inheritdoc/>
    public override string Source => "https://arxiv.org/abs/2311.03099";

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterDeclaration> Parameters { get; } =
    [
        .. TaskVectorParameters.With(normalize: false, rescale: true),
        TaskVectorParameters.PaperElection,
        TaskVectorParameters.RescaleByProbability,
    ];

    /// <inheritdoc/>
    public override BaseUse Base => BaseUse.Required;

    /// <inheritdoc/>
    public override bool IsRandom => true;

    /// <inheritdoc/>
    internal override long CompatibleDraws(TensorContext context) => RandomSparsifier.CompatibleDraws(context);

    /// <inheritdoc/>
    public override string? Conflict(TensorContext context) => TaskVectorParameters.Conflict(context);

    /// <inheritdoc/>
    public override TensorMerge Begin(TensorContext context) =>
        new TaskVectorMerge(context, new RandomSparsifier(context), electSigns: true);
}
