using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Options;

namespace MergeTasks.Language.Recipes;

/// <summary>A setting and where it stands in the recipe.</summary>
/// <param name="Value">The value.</param>
/// <param name="Location">Position of its key.</param>
public sealed record RecipeSetting(Setting Value, SourceLocation Location);

/// <summary>A LoRA adapter that a recipe names after its model.</summary>
/// <param name="Reference">As written, with <c>@revision</c> where there is one.</param>
/// <param name="Location">Position of the reference.</param>
public sealed record RecipeAdapter(string Reference, SourceLocation Location);

/// <summary>A model named in a recipe.</summary>
/// <param name="Reference">As written, with <c>@revision</c> where there is one, without the adapter.</param>
/// <param name="Location">Position of the reference.</param>
/// <param name="Parameters">The model's own settings.</param>
public sealed record RecipeModel(string Reference, SourceLocation Location, IReadOnlyDictionary<string, RecipeSetting> Parameters)
{
    /// <summary>A model without settings of its own.</summary>
    public RecipeModel(string reference, SourceLocation location)
        : this(reference, location, new Dictionary<string, RecipeSetting>())
    {
    }

    /// <summary>The LoRA adapter, if one is named: the part after '+', or the key <c>lora</c>.</summary>
    public RecipeAdapter? Adapter { get; init; }

    /// <summary>The file with samples of the model's task.</summary>
    public WrittenOption? TaskData { get; init; }
}
