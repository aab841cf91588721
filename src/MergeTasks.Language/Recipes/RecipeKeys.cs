using MergeTasks.Language.Experts;
using MergeTasks.Language.Importance;
using MergeTasks.Language.Options;
using MergeTasks.Methods.BuiltIn;

namespace MergeTasks.Language.Recipes;

/// <summary>
/// Every key of the recipe language, section by section. The reader takes from here what it accepts; the reference and the schema for
/// editors are generated from it.
/// </summary>
internal static class RecipeKeys
{
    /// <summary>A path with a revision.</summary>
    public static RecipeSection Path { get; } = new("A path as a mapping",
        new RecipeKey(
            "path", new RecipeForm.Text(), "A folder, or a reference such as hf:org/name or nuget:Id/1.0.0.")
        { IsRequired = true },
        new RecipeKey("revision", new RecipeForm.Text(), "Branch, tag or commit."));

    /// <summary>A reference that is no text.</summary>
    public static RecipeSection Reference { get; } = new("A model as a mapping",
        new RecipeKey("model", PathForm(), "The model.") { IsRequired = true },
        new RecipeKey("lora", PathForm(), "A LoRA adapter for it."),
        new RecipeKey("override_architecture", new RecipeForm.Text(), "Accepted for compatibility; the tensors themselves tell."));

    /// <summary>One case of a conditional setting.</summary>
    public static RecipeSection Condition { get; } = new("A condition",
        new RecipeKey("filter", new RecipeForm.Text(), "Text that the tensor's name contains; without one, or with '*', any tensor."),
        new RecipeKey("tensors", new RecipeForm.Texts(), "Globs of tensor names, such as '*.mlp.*'."),
        new RecipeKey("value", new RecipeForm.Setting(), "A number, or a list of numbers over the layers.") { IsRequired = true });

    /// <summary>An entry of <c>models</c>.</summary>
    public static RecipeSection Model { get; } = new("An entry of models",
        new RecipeKey("model", new RecipeForm.Reference(), "The model.") { IsRequired = true },
        new RecipeKey("parameters", new RecipeForm.Parameters(OfWholeMerge: false), "The method's parameters for this model."),
        KeyOf(DataFile.OfTask));

    /// <summary>An entry of <c>sources</c>.</summary>
    public static RecipeSection SliceSource { get; } = new("An entry of sources",
        new RecipeKey("model", new RecipeForm.Reference(), "The model.") { IsRequired = true },
        new RecipeKey(
            "layer_range", new RecipeForm.LayerRange(), "[first, end]: its layers, without the end itself.")
        { IsRequired = true },
        new RecipeKey(
            "parameters", new RecipeForm.Parameters(OfWholeMerge: false), "The method's parameters for these layers of this model."),
        KeyOf(DataFile.OfTask));

    /// <summary>An entry of <c>slices</c>.</summary>
    public static RecipeSection Slice { get; } = new("An entry of slices",
        new RecipeKey(
            "sources", new RecipeForm.ListOf(SliceSource), "Layers of one or more models, as many of each, which are merged.")
        {
            IsRequired = true
        },
        new RecipeKey("base_model", new RecipeForm.Reference(), "The slice's own base."),
        new RecipeKey("parameters", new RecipeForm.Parameters(OfWholeMerge: true), "The method's parameters for this slice."));

    /// <summary>An entry of <c>modules</c>.</summary>
    public static RecipeSection Module { get; } = new("An entry of modules",
        new RecipeKey("models", new RecipeForm.ListOf(Model), "Models of which this part is merged whole."),
        new RecipeKey("slices", new RecipeForm.ListOf(Slice), "Layers to stack."),
        new RecipeKey("parameters", new RecipeForm.Parameters(OfWholeMerge: true), "The method's parameters for this part."));

    /// <summary>Where a token's row comes from, if not from the model of that name.</summary>
    public static RecipeSection TokenRow { get; } = new("A token's source as a mapping",
        new RecipeKey("kind", new RecipeForm.Text("zero", "model_token"), "Zeros, or the row of another token.") { IsRequired = true },
        new RecipeKey("model", new RecipeForm.Reference(), "The model that has the other token."),
        new RecipeKey("token", new RecipeForm.Text(), "The other token."),
        new RecipeKey("token_id", new RecipeForm.WholeNumber(0), "Or its id."));

    /// <summary>An entry of <c>tokens</c>.</summary>
    public static RecipeSection Token { get; } = new("An entry of tokens",
        new RecipeKey(
            "source",
            new RecipeForm.Either(new RecipeForm.Reference(), new RecipeForm.Mapping(TokenRow)),
            "Where the token's row comes from in models that lack it."),
        new RecipeKey("force", new RecipeForm.Flag(), "Use that row in all models, also in those that have the token."));

    /// <summary><c>tokenizer</c>.</summary>
    public static RecipeSection Tokenizer { get; } = new("tokenizer",
        new RecipeKey(
            "source", VocabularyForm(), "union (default): the base's tokens and what the other models add; base; or one of the models."),
        new RecipeKey("tokens", new RecipeForm.MapOf(Token), "Rules for single tokens."),
        new RecipeKey("pad_to_multiple_of", new RecipeForm.WholeNumber(1), "Rows of the embeddings are made a multiple of this."));

    /// <summary>The sections of options, by key.</summary>
    public static IReadOnlyDictionary<string, RecipeSection> Sections { get; } = MergeOptions.Sections.Skip(1)
        .ToDictionary(
            section => section.Key, section => new RecipeSection(section.Key, [.. section.Select(KeyOf)]), StringComparer.Ordinal);

    /// <summary>A whole recipe.</summary>
    public static RecipeSection Recipe { get; } = new("A recipe",
    [
        new RecipeKey(
            "merge_method", new RecipeForm.Text([.. MergeMethods.All.Append(AssemblingMethod.Transplant).Select(method => method.Name)]),
            "How tensors are merged.")
            {
                IsRequired = true
            },
        new RecipeKey("models", new RecipeForm.ListOf(Model), "The models, merged whole."),
        new RecipeKey("slices", new RecipeForm.ListOf(Slice), "Instead of models: the output's layers, stacked from layers of models."),
        new RecipeKey(
            "modules", new RecipeForm.MapOf(Module), "Instead of models: parts of a checkpoint by name, each with models or slices."),
        new RecipeKey(
            "base_model",
            new RecipeForm.Reference(),
            "The base model: what changes are measured from, and whose configuration and tokenizer the output gets."),
        new RecipeKey(
            "parameters",
            new RecipeForm.Parameters(OfWholeMerge: true),
            "The method's parameters; those that each model has are defaults here."),
        new RecipeKey("tokenizer", new RecipeForm.Mapping(Tokenizer), "What to do where the models' vocabularies differ."),
        new RecipeKey("tokenizer_source", VocabularyForm(), "The short form of tokenizer: {source: …}."),
        new RecipeKey("chat_template", new RecipeForm.Text(), "auto, the name of a built-in template, or a Jinja template."),
        new RecipeKey(
            "name", new RecipeForm.Text(), "The merge's name, where a file holds several documents; later ones name it as a model."),
        .. MergeOptions.Sections[0].Select(KeyOf),
        .. MergeOptions.Sections.Skip(1).Select(section => SectionOf(section.First())),
    ]);

    /// <summary>An entry of <c>experts</c>.</summary>
    public static RecipeSection Expert { get; } = new("An entry of experts", [.. ExpertKeys()]);

    /// <summary>An entry of <c>shared_experts</c>.</summary>
    public static RecipeSection SharedExpert { get; } = new("An entry of shared_experts", [.. ExpertKeys()]);

    /// <summary>A recipe of a mixture of experts, as mergekit-moe has it.</summary>
    public static RecipeSection Mixture { get; } = new("A mixture of experts",
    [
        new RecipeKey(
            "base_model", new RecipeForm.Reference(), "The model whose attention, norms, embeddings, head and tokenizer the mixture gets.")
            {
                IsRequired = true
            },
        new RecipeKey(
            "experts", new RecipeForm.ListOf(Expert), "The models whose feed-forward parts become experts, at least two.")
            {
                IsRequired = true
            },
        new RecipeKey("shared_experts", new RecipeForm.ListOf(SharedExpert), "At most one, which sees every token."),
        .. MixtureDeclaration.Options.Select(KeyOf),
        new RecipeKey("chat_template", new RecipeForm.Text(), "auto, the name of a built-in template, or a Jinja template."),
        new RecipeKey(
            "name", new RecipeForm.Text(), "The merge's name, where a file holds several documents; later ones name it as a model."),
        .. MergeSettings.Options.Where(option => option.Key.Length > 0).Select(KeyOf),
    ]);

    private static IEnumerable<RecipeKey> ExpertKeys() =>
    [
        new("source_model", new RecipeForm.Reference(), "The model.") { IsRequired = true },
        new("positive_prompts", new RecipeForm.Texts(), "Texts that the expert is for."),
        new("negative_prompts", new RecipeForm.Texts(), "Texts that it is not for."),
        new("noise_scale", new RecipeForm.Number(0, double.MaxValue), "The standard deviation of normal noise on the expert's matrices."),
        new("residual_scale", new RecipeForm.Number(double.MinValue, double.MaxValue), "What the expert's result is multiplied by."),
    ];

    // A section that is only a value is the value of its first option.
    private static RecipeKey SectionOf(MergeOption first) => new(
        first.Section,
        new RecipeForm.Either(new RecipeForm.Mapping(Sections[first.Section]), first.Form),
        $"{first.Description} Or a mapping with more settings.");

    private static RecipeKey KeyOf(MergeOption option) => new(option.Key, option.Form, option.Description);

    private static RecipeForm.Either PathForm() => new(new RecipeForm.Text(), new RecipeForm.Mapping(Path));

    private static RecipeForm.Either VocabularyForm() => new(new RecipeForm.Text("union", "base"), new RecipeForm.Reference());
}
