using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Recipes;

namespace MergeTasks.Language.Declarations;

/// <summary>Settings that stand together in what the user wrote.</summary>
/// <param name="Settings">By parameter name.</param>
/// <param name="IsOfModel">Whether they are one model's own.</param>
/// <param name="LocationOf">Where a parameter stands.</param>
internal sealed record SettingsScope(IReadOnlyDictionary<string, Setting> Settings, bool IsOfModel, Func<string, SourceLocation> LocationOf)
{
    /// <summary>Whether a recipe says them, whose language mergekit has too.</summary>
    public bool IsOfRecipe { get; init; }
}
