using MergeTasks.Methods.Contract;

namespace MergeTasks.Methods.BuiltIn;

/// <summary>
/// What makes an output out of models' parts as they are. The declaration says which part goes where, so a tensor has one input, whose
/// elements are taken unchanged.
/// </summary>
internal sealed class AssemblingMethod : MergeMethod
{
    private AssemblingMethod(string name, string summary, string source) => (Name, Summary, Source) = (name, summary, source);

    /// <summary>Dense models as the experts of one.</summary>
    public static AssemblingMethod Mixture { get; } = new(
        "moe",
        "The feed-forward parts of several models as experts of a mixture, everything else from the base.",
        "https://github.com/arcee-ai/mergekit/blob/main/docs/moe.md (documented behaviour)");

    /// <summary>Another model's tokenizer on a model.</summary>
    public static AssemblingMethod Transplant { get; } = new(
        "transplant",
        "The base with the tokenizer of another model, and rows of its embeddings made for the tokens that it lacks.",
        "https://github.com/arcee-ai/mergekit/blob/main/docs/tokensurgeon.md (documented behaviour)");

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override string Summary { get; }

    /// <inheritdoc/>
    public override string Source { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterDeclaration> Parameters => [];

    /// <inheritdoc/>
    public override BaseUse Base => BaseUse.Required;

    /// <summary>Counted where the declaration is read: the base may be one of them.</summary>
    public override int MinModels => 0;

    /// <inheritdoc/>
    public override TensorMerge Begin(TensorContext context) => new Merging();

    private sealed class Merging : TensorMerge
    {
        public override int? CopyOf => 0;

        public override void Merge(MergeBlock block) => block.Load(0, 0).CopyTo(block.Output);
    }
}
