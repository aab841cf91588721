using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Sparsifying;

namespace MergeTasks.Methods.BuiltIn;

/// <summary>
/// Model Breadcrumbs (Davari and Belilovsky 2023, arXiv 2312.06795) followed by the sign election of TIES (arXiv 2306.01708).
/// </summary>
internal sealed class BreadcrumbsTiesMethod : MergeMethod
{
    /// <inheritdoc/>
    public override string Name => "breadcrumbs_ties";

    /// <inheritdoc/>
    public override string Summary =>
        "Drops the largest and the smallest elements of the deltas, elects signs, adds the deltas that agree.";

    /// <inheritdoc/>
    public override string Source => "https://arxiv.org/abs/2312.06795";

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterDeclaration> Parameters { get; } =
    [
        .. TaskVectorParameters.With(normalize: false, rescale: false),
        TaskVectorParameters.Gamma,
        TaskVectorParameters.PaperElection,
    ];

    /// <inheritdoc/>
    public override BaseUse Base => BaseUse.Required;

    /// <inheritdoc/>
    public override string? Conflict(TensorContext context) => TaskVectorParameters.Conflict(context);

    /// <inheritdoc/>
    public override TensorMerge Begin(TensorContext context) =>
        new TaskVectorMerge(context, new BreadcrumbsSparsifier(context), electSigns: true);
}
