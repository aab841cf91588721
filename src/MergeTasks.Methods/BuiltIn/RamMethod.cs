using MergeTasks.Methods.Contract;

namespace MergeTasks.Methods.BuiltIn;

/// <summary>
/// RAM (described in mergekit's documentation): out = base + the mean, per element, of those deltas δᵢ = xᵢ − base that are active,
/// |δᵢ| &gt; epsilon. Where none is, the base remains.
/// </summary>
internal sealed class RamMethod : MergeMethod
{
    /// <summary>Deltas up to this size are inactive.</summary>
    internal static ParameterDeclaration Epsilon { get; } = new(
        "epsilon", 1e-5, "Elements of a delta up to this size do not count as changed.")
    { Minimum = 0 };

    /// <inheritdoc/>
    public override string Name => "ram";

    /// <inheritdoc/>
    public override string Summary => "Adds to each element of the base the mean of the deltas that change it.";

    /// <inheritdoc/>
    public override string Source => "https://github.com/arcee-ai/mergekit (documented behaviour)";

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterDeclaration> Parameters { get; } = [Epsilon];

    /// <inheritdoc/>
    public override BaseUse Base => BaseUse.Required;

    /// <inheritdoc/>
    public override TensorMerge Begin(TensorContext context) => new ActiveDeltasMerge(context, null);
}
