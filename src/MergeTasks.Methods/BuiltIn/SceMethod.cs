using MergeTasks.Methods.Contract;

namespace MergeTasks.Methods.BuiltIn;

/// <summary>
/// SCE (Wan et al. 2024, FuseChat 3.0, arXiv 2408.07990): select, calculate, erase. With δᵢ = xᵢ − base: keep the ⌊select_topk · (positions
/// whose δ differ)⌋ positions where the δᵢ have the largest variance over the models; weigh models by cᵢ = Σ δᵢ² ÷ Σⱼ Σ δⱼ² over the
/// tensor; elect a sign per element by Σ δᵢ (zero counts as positive); out = base + Σ cᵢδᵢ ÷ Σ cᵢ over the models whose δᵢ has the elected
/// sign.
/// </summary>
/// <remarks>
/// Equal variances: the lowest flat index is kept. Where no position differs there is nothing to select by, and all are kept. Compatibility
/// mode weighs all models alike where the mean squares sum up to less than 1e-6, which light fine-tunes do, as mergekit does, divides by at
/// least 1e-6, and drops everything where no position differs (mergekit's own result has a wrong shape there, and where no position is
/// selected).
/// </remarks>
internal sealed class SceMethod : MergeMethod
{
    /// <inheritdoc/>
    public override string Name => "sce";

    /// <inheritdoc/>
    public override string Summary =>
        "Keeps the positions where the models differ most, weighs models by the size of their deltas, erases minority signs.";

    /// <inheritdoc/>
    public override string Source => "https://arxiv.org/abs/2408.07990";

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterDeclaration> Parameters { get; } =
    [
        new("select_topk", 1, "Share of the positions with any variance that are kept.") { Minimum = 0, Maximum = 1 },
        new("int8_mask", 0, "Accepted for compatibility; changes nothing.") { IsFlag = true, IsIdle = true },
    ];

    /// <summary>2: variances of small deltas are not lost in fp32.</summary>
    public override int NumericsVersion => 2;

    /// <inheritdoc/>
    public override BaseUse Base => BaseUse.Required;

    /// <inheritdoc/>
    public override TensorMerge Begin(TensorContext context) => new SceMerge(context);
}
