using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Sparsifying;

namespace MergeTasks.Methods.BuiltIn;

/// <summary>
/// TIES-Merging (Yadav et al. 2023, arXiv 2306.01708): keep the density·n largest elements of each delta, elect a sign per element,
/// average the weighted deltas that have it. As in mergekit the weights take part in the election, and a sum of zero elects the positive
/// sign; with <c>paper_election</c> they do not, and a sum of zero elects the sign that more elements of the tensor have (positive if as
/// many).
/// Among equal magnitudes at the threshold the lowest flat index is kept.
/// </summary>
internal sealed class TiesMethod : MergeMethod
{
    /// <inheritdoc/>
    public override string Name => "ties";

    /// <inheritdoc/>
    public override string Summary => "Trims small deltas, elects a sign per element, adds the deltas that agree.";

    /// <inheritdoc/>
    public override string Source => "https://arxiv.org/abs/2306.01708";

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterDeclaration> Parameters { get; } = [
        .. TaskVectorParameters.With(normalize: true, rescale: false), TaskVectorParameters.PaperElection
    ];

    /// <inheritdoc/>
    public override BaseUse Base => BaseUse.Required;

    /// <inheritdoc/>
    public override string? Conflict(TensorContext context) => TaskVectorParameters.Conflict(context);

    /// <inheritdoc/>
    public override TensorMerge Begin(TensorContext context) =>
        new TaskVectorMerge(context, new MagnitudeSparsifier(context), electSigns: true);
}
