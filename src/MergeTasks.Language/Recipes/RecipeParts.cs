using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Language.Recipes;

/// <summary>Some layers of a model in a slice.</summary>
/// <param name="Model">The model with its own settings.</param>
/// <param name="Start">The first layer, from 0.</param>
/// <param name="End">The layer after the last one.</param>
/// <param name="RangeLocation">Position of <c>layer_range</c>.</param>
internal sealed record RecipeSliceSource(RecipeModel Model, int Start, int End, SourceLocation RangeLocation);

/// <summary>A run of the output's layers, merged from as many layers of each source.</summary>
/// <param name="Sources">The sources in order.</param>
/// <param name="Location">Position of the slice.</param>
internal sealed record RecipeSlice(IReadOnlyList<RecipeSliceSource> Sources, SourceLocation Location)
{
    /// <summary>The slice's own base model, if named.</summary>
    public RecipeModel? Base { get; init; }

    /// <summary>Settings of the slice.</summary>
    public IReadOnlyDictionary<string, RecipeSetting> Parameters { get; init; } = new Dictionary<string, RecipeSetting>();
}

/// <summary>A part of a checkpoint that is merged by its own rules: whole models or slices.</summary>
/// <param name="Name">Name of the part.</param>
/// <param name="Location">Position of the name.</param>
internal sealed record RecipeModule(string Name, SourceLocation Location)
{
    /// <summary>The models; empty where slices are given.</summary>
    public IReadOnlyList<RecipeModel> Models { get; init; } = [];

    /// <summary>The slices in order; empty where models are given.</summary>
    public IReadOnlyList<RecipeSlice> Slices { get; init; } = [];

    /// <summary>Settings of the part.</summary>
    public IReadOnlyDictionary<string, RecipeSetting> Parameters { get; init; } = new Dictionary<string, RecipeSetting>();
}
