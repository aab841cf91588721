using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Sparsifying;

namespace MergeTasks.Methods.BuiltIn;

/// <summary>
/// Model Breadcrumbs (Davari and Belilovsky 2023, arXiv 2312.06795): task arithmetic on deltas without their <c>gamma</c>·n largest
/// elements and without the smallest ones, so that <c>density</c>·n remain; see <see cref="BreadcrumbsSparsifier"/>.
/// </summary>
internal sealed class BreadcrumbsMethod : MergeMethod
{
    /// <inheritdoc/>
    public override string Name => "breadcrumbs";

    /// <inheritdoc/>
    public override string Summary => "Drops the largest and the smallest elements of the deltas and adds them to the base.";

    /// <inheritdoc/>
    public override string Source => "https://arxiv.org/abs/2312.06795";

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterDeclaration> Parameters { get; } = [
        .. TaskVectorParameters.With(normalize: false, rescale: false), TaskVectorParameters.Gamma
    ];

    /// <inheritdoc/>
    public override BaseUse Base => BaseUse.Required;

    /// <inheritdoc/>
    public override TensorMerge Begin(TensorContext context) =>
        new TaskVectorMerge(context, new BreadcrumbsSparsifier(context), electSigns: false);
}
