using MergeTasks.Checkpoints;
using MergeTasks.Merging.Diagnostics;
using MergeTasks.Merging.Importance;

namespace MergeTasks.Merging.Recipes;

/// <summary>A setting and where it stands in the recipe.</summary>
/// <param name="Value">The value.</param>
/// <param name="Location">Position of its key.</param>
public sealed record RecipeSetting(Setting Value, SourceLocation Location);

/// <summary>A model named in a recipe.</summary>
/// <param name="Reference">As written.</param>
/// <param name="Location">Position of the reference.</param>
/// <param name="Parameters">The model's own settings.</param>
public sealed record RecipeModel(string Reference, SourceLocation Location, IReadOnlyDictionary<string, RecipeSetting> Parameters)
{
    /// <summary>The file with samples of the model's task.</summary>
    public WrittenOption? TaskData { get; init; }
}

/// <summary>What a recipe file says, checked for form but not yet against a method.</summary>
/// <param name="Location">Position of the recipe's first key.</param>
/// <param name="Method">Name of the method, and where it stands.</param>
/// <param name="Models">The models in order.</param>
public sealed record RecipeDocument(SourceLocation Location, (string Name, SourceLocation Location) Method, IReadOnlyList<RecipeModel> Models)
{
    /// <summary>The base model, if named.</summary>
    public RecipeModel? Base { get; init; }

    /// <summary>Settings of the whole merge.</summary>
    public IReadOnlyDictionary<string, RecipeSetting> Parameters { get; init; } = new Dictionary<string, RecipeSetting>();

    /// <summary>Settings of AIM and APL.</summary>
    public IReadOnlyDictionary<ImportanceOption, WrittenOption> Importance { get; init; } = new Dictionary<ImportanceOption, WrittenOption>();

    /// <summary>Where the section <c>aim</c> stands, if there is one.</summary>
    public SourceLocation? AimLocation { get; init; }

    /// <summary><c>dtype</c>.</summary>
    public DType? DType { get; init; }

    /// <summary><c>out_dtype</c>.</summary>
    public DType? OutDType { get; init; }
}
