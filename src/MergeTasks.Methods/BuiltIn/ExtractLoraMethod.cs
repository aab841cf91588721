using MergeTasks.Methods.Contract;

namespace MergeTasks.Methods.BuiltIn;

/// <summary>
/// Makes a LoRA adapter of what fine-tuning changed: for each matrix the best approximation of a rank, by truncated singular value
/// decomposition, ΔW ≈ B·A with B = U√S and A = √SVᵀ.
/// </summary>
internal sealed class ExtractLoraMethod : MergeMethod
{
    /// <summary>The method's name.</summary>
    public const string MethodName = "extract_lora";

    /// <summary>The parameter that says how large the adapter is.</summary>
    public const string Rank = "rank";

    /// <inheritdoc/>
    public override string Name => MethodName;

    /// <inheritdoc/>
    public override string Summary => "A LoRA adapter of what fine-tuning changed, by truncated singular value decomposition.";

    /// <inheritdoc/>
    public override string Source => "https://arxiv.org/abs/2106.09685 (adapters), https://arxiv.org/abs/0909.4061 (decomposition)";

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterDeclaration> Parameters { get; } =
    [
        new(Rank, 16, "Rank of each matrix's change.") { Minimum = 1 },
    ];

    /// <inheritdoc/>
    public override BaseUse Base => BaseUse.Required;

    /// <inheritdoc/>
    public override int MaxModels => 1;

    /// <inheritdoc/>
    internal override bool MakesAdapter => true;

    /// <inheritdoc/>
    public override TensorMerge Begin(TensorContext context) =>
        throw new NotSupportedException("The tensors of an adapter are no merges of tensors.");
}
