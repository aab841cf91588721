using MergeTasks.Checkpoints.Elements;
using MergeTasks.Methods.Contract;

namespace MergeTasks.Methods.BuiltIn;

/// <summary>
/// RAM+ (described in mergekit's documentation): as <see cref="RamMethod"/>, and an element that only model i changes is multiplied by
/// λᵢ = 1 + r·min(sharedᵢ/max(uniqueᵢ, epsilon), alpha), where sharedᵢ and uniqueᵢ count the tensor's elements that model i changes
/// together with others, and alone. Makes up for what averaging takes from a model that shares much.
/// </summary>
/// <remarks>In compatibility mode a half-precision tensor's result is fp32 unless <c>out_dtype</c> says otherwise, as in
/// mergekit.</remarks>
internal sealed class RamPlusMethod : MergeMethod
{
    /// <inheritdoc/>
    public override string Name => "ramplus_tl";

    /// <inheritdoc/>
    public override string Summary => "Like ram; changes that only one model makes are amplified by how much it shares elsewhere.";

    /// <inheritdoc/>
    public override string Source => "https://github.com/arcee-ai/mergekit (documented behaviour)";

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterDeclaration> Parameters { get; } =
    [
        new("r", 0.1, "How much of the ratio of shared to unique changes is added to the factor."),
        new("alpha", 0.2, "Most that the ratio counts.") { Minimum = 0 },
        RamMethod.Epsilon,
    ];

    /// <inheritdoc/>
    public override BaseUse Base => BaseUse.Required;

    /// <inheritdoc/>
    internal override DType? CompatibleResult => DType.F32;

    /// <inheritdoc/>
    public override TensorMerge Begin(TensorContext context) => new ActiveDeltasMerge(context, (context["r"], context["alpha"]));
}
