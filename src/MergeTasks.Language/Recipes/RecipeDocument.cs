using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Options;

namespace MergeTasks.Language.Recipes;

/// <summary>What one document of a recipe file says, checked for form but not yet against a method.</summary>
/// <param name="Location">Position of the recipe's first key.</param>
/// <param name="Method">Name of the method, and where it stands.</param>
internal sealed record RecipeDocument(SourceLocation Location, (string Name, SourceLocation Location) Method)
{
    /// <summary>What the document says without effect.</summary>
    public IReadOnlyList<Diagnostic> Warnings { get; init; } = [];

    /// <summary>Name of the stage, where the file holds several, and its position.</summary>
    public (string Text, SourceLocation Location)? Name { get; init; }

    /// <summary>
    /// The models in order, where whole models are merged; exactly one of this, <see cref="Slices"/> and <see cref="Modules"/> has entries.
    /// </summary>
    public IReadOnlyList<RecipeModel> Models { get; init; } = [];

    /// <summary>The slices in order, where layers are stacked.</summary>
    public IReadOnlyList<RecipeSlice> Slices { get; init; } = [];

    /// <summary>The parts of the checkpoint, where each has rules of its own.</summary>
    public IReadOnlyList<RecipeModule> Modules { get; init; } = [];

    /// <summary>The experts of a mixture, shared ones last; empty where models are merged.</summary>
    public IReadOnlyList<RecipeExpert> Experts { get; init; } = [];

    /// <summary>The base model, if named.</summary>
    public RecipeModel? Base { get; init; }

    /// <summary>Settings of the whole merge.</summary>
    public IReadOnlyDictionary<string, RecipeSetting> Parameters { get; init; } = new Dictionary<string, RecipeSetting>();

    /// <summary>The output's vocabulary, where the recipe says more than that the base's files are kept.</summary>
    public RecipeTokenizer? Tokenizer { get; init; }

    /// <summary><c>chat_template</c>: <c>auto</c>, the name of a built-in template, or the template itself; and its position.</summary>
    public (string Text, SourceLocation Location)? ChatTemplate { get; init; }

    /// <summary>The options that are written.</summary>
    public IReadOnlyDictionary<MergeOption, WrittenOption> Options { get; init; } = new Dictionary<MergeOption, WrittenOption>();

    /// <summary>Where the section <c>aim</c> stands, if there is one.</summary>
    public SourceLocation? AimLocation { get; init; }

    /// <summary>All models that the document names for merging, the base first, with repetitions.</summary>
    public IEnumerable<RecipeModel> NamedModels =>
        (Base is null ? [] : new[] { Base })
        .Concat(Models).Concat(Experts.Select(expert => expert.Model)).Concat(Named(Slices))
        .Concat(Modules.SelectMany(module => module.Models.Concat(Named(module.Slices))));

    private static IEnumerable<RecipeModel> Named(IEnumerable<RecipeSlice> slices) =>
        slices.SelectMany(slice => (slice.Base is null ? [] : new[] { slice.Base }).Concat(slice.Sources.Select(source => source.Model)));
}
