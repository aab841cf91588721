using MergeTasks.Checkpoints.Elements;

namespace MergeTasks.Methods.Contract;

/// <summary>Whether a method needs a base model.</summary>
public enum BaseUse
{
    /// <summary>A base only lends its integers, configuration and tokenizer; it is merged where it is listed among the models.</summary>
    Donor,

    /// <summary>The base takes part in the arithmetic where one is named.</summary>
    Optional,

    /// <summary>The base takes part in the arithmetic.</summary>
    Required,
}

/// <summary>
/// A merge method: what it needs, and how one tensor is merged. Adding a built-in method is one file with a class derived from this,
/// and one line in <c>MergeMethods</c>; anybody else's is a public class in an assembly that a project names by the item
/// <c>MergeMethod</c>.
/// </summary>
public abstract class MergeMethod
{
    /// <summary>The name in recipes and metadata.</summary>
    public abstract string Name { get; }

    /// <summary>One sentence for the reference and the model card.</summary>
    public abstract string Summary { get; }

    /// <summary>Where the method comes from: a paper or another public description.</summary>
    public abstract string Source { get; }

    /// <summary>The parameters it reads.</summary>
    public abstract IReadOnlyList<ParameterDeclaration> Parameters { get; }

    /// <summary>
    /// Raised whenever the same inputs and parameters would give other bytes than before, of this method alone; part of every key.
    /// </summary>
    public virtual int NumericsVersion => 1;

    /// <summary>What else decides results: the content of the assembly, where it is not this product's; part of every key.</summary>
    internal virtual string? Content => null;

    /// <summary>Whether it needs a base model.</summary>
    public virtual BaseUse Base => BaseUse.Donor;

    /// <summary>Whether a required base is one of the models that are merged, and not what their changes are measured from.</summary>
    public virtual bool BaseIsParticipant => false;

    /// <summary>Whether the base takes part in the arithmetic of a merge.</summary>
    /// <param name="isNamed">Whether the merge names a base.</param>
    public bool TakesBase(bool isNamed) => Base == BaseUse.Required || (Base == BaseUse.Optional && isNamed);

    /// <summary>Whether the output is an adapter and no model.</summary>
    internal virtual bool MakesAdapter => false;

    /// <summary>Fewest models, not counting a base that takes part.</summary>
    public virtual int MinModels => 1;

    /// <summary>Most models, not counting a base that takes part.</summary>
    public virtual int MaxModels => int.MaxValue;

    /// <summary>
    /// How many random numbers the merge of one tensor takes from the generator of compatibility mode;
    /// 0 for methods without randomness.
    /// </summary>
    internal virtual long CompatibleDraws(TensorContext context) => 0;

    /// <summary>In compatibility mode, the element type of results for half-precision tensors where it is not theirs.</summary>
    internal virtual DType? CompatibleResult => null;

    /// <summary>Whether results depend on the seed.</summary>
    public virtual bool IsRandom => false;

    /// <summary>Whether they do in compatibility mode.</summary>
    internal virtual bool IsRandomInCompatibility => IsRandom;

    /// <summary>What it wants to know of each model (not of a base that takes part); each needs samples of its task.</summary>
    internal virtual ModelStatistic Statistic => ModelStatistic.None;

    /// <summary>
    /// What is wrong with parameters that are valid one by one, as a sentence that says what would be valid; <see langword="null"/>:
    /// nothing.
    /// </summary>
    public virtual string? Conflict(TensorContext context) => null;

    /// <summary>As the other overload, of all tensors together.</summary>
    internal virtual string? Conflict(IReadOnlyList<TensorContext> contexts) => null;

    /// <summary>Whether the merge of each tensor depends on all tensors, through a survey.</summary>
    internal virtual bool NeedsSurvey => false;

    /// <summary>Begins what must be known of the whole model.</summary>
    /// <param name="contexts">All tensors that will be merged; not empty.</param>
    internal virtual ModelSurvey BeginSurvey(IReadOnlyList<TensorContext> contexts) => throw new NotSupportedException();

    /// <summary>
    /// Whether a tensor's merge computes with its whole matrix so much that a device is worth bringing it there, if one may be used.
    /// </summary>
    internal virtual bool ComputesWithMatrix(TensorContext context) => false;

    /// <summary>Prepares the merge of one tensor.</summary>
    public abstract TensorMerge Begin(TensorContext context);
}
