using MergeTasks.Checkpoints.Elements;
using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Selecting;

namespace MergeTasks.Methods.BuiltIn;

/// <summary>
/// Arcee Fusion (described in mergekit's documentation): takes from the other model x the elements whose change matters most. Per row
/// (last dimension), with p = softmax(x) + 1e-8 and q = softmax(base) + 1e-8: KL = Σ p·ln(p/q); score = |x − base|·KL. With the quantiles
/// Qₖ = the score of rank ⌊k(n−1)⌋ in ascending order over the tensor: an element is x's where its score is at least Q½ + 1.5·(Q¾ − Q¼),
/// else the base's.
/// </summary>
/// <remarks>
/// Sums are fp64; a divergence that rounding makes negative counts as zero. In compatibility mode each step is rounded to the tensors'
/// type, and what that makes negative stays so (one that is not finite counts as zero); quantiles of tensors with more than 1,000,000
/// elements come from that many random ones, as in mergekit; and a half-precision tensor's result is fp32 (base + the rounded change)
/// unless <c>out_dtype</c> says otherwise.
/// </remarks>
internal sealed class ArceeFusionMethod : MergeMethod
{
    /// <inheritdoc/>
    public override string Name => "arcee_fusion";

    /// <inheritdoc/>
    public override string Summary => "Replaces those elements of the base whose change matters most by the other model's.";

    /// <inheritdoc/>
    public override string Source => "https://github.com/arcee-ai/mergekit (documented behaviour)";

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterDeclaration> Parameters { get; } = [];

    /// <inheritdoc/>
    public override BaseUse Base => BaseUse.Required;

    /// <inheritdoc/>
    public override int MaxModels => 1;

    /// <inheritdoc/>
    public override int NumericsVersion => 2;

    /// <inheritdoc/>
    internal override DType? CompatibleResult => DType.F32;

    /// <inheritdoc/>
    internal override bool IsRandomInCompatibility => true;

    /// <inheritdoc/>
    internal override long CompatibleDraws(TensorContext context) => ScoreSample.CompatibleDraws(context);

    /// <inheritdoc/>
    public override TensorMerge Begin(TensorContext context) => new FusionMerge(context);
}
