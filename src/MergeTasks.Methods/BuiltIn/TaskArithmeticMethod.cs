using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Sparsifying;

namespace MergeTasks.Methods.BuiltIn;

/// <summary>
/// Task arithmetic (Ilharco et al. 2023, arXiv 2212.04089): out = base + λ·Σ wᵢ(xᵢ − base).
/// </summary>
internal sealed class TaskArithmeticMethod : MergeMethod
{
    /// <inheritdoc/>
    public override string Name => "task_arithmetic";

    /// <inheritdoc/>
    public override string Summary => "Adds the models' weighted deltas to the base.";

    /// <inheritdoc/>
    public override string Source => "https://arxiv.org/abs/2212.04089";

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterDeclaration> Parameters { get; } = TaskVectorParameters.With(normalize: false, rescale: false);

    /// <inheritdoc/>
    public override BaseUse Base => BaseUse.Required;

    /// <inheritdoc/>
    public override TensorMerge Begin(TensorContext context) => new TaskVectorMerge(context, NoSparsifier.Instance, electSigns: false);
}
