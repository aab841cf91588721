using MergeTasks.Language.Importance;
using MergeTasks.Language.Options;

namespace MergeTasks.Language.Recipes;

/// <summary>All options of a merge.</summary>
internal static class MergeOptions
{
    /// <summary>The model from which AIM and APL measure changes.</summary>
    public static MergeOption ImportanceBase { get; } = new(
        "ImportanceBase", "", "importance_base", new RecipeForm.Reference(),
        "From which model AIM and APL measure changes, where it is not the base.")
    {
        IsProjectWide = true,
    };

    /// <summary>
    /// The options, those of a section together; the first of a section is also its short form (<c>aim: 0.4</c>, <c>apl: layer</c>).
    /// </summary>
    public static IReadOnlyList<MergeOption> All { get; } =
        [
            .. MergeSettings.Options, .. TransplantSettings.Options, ImportanceBase, .. FactorDeclaration.Options,
            .. AimDeclaration.Options, .. AplDeclaration.Options,
        ];

    /// <summary>Those that recipes know, by section; the first group, of no section, are keys of the recipe itself.</summary>
    public static IReadOnlyList<IGrouping<string, MergeOption>> Sections { get; } =
        [.. All.Where(option => option.Key.Length > 0).GroupBy(option => option.Section)];
}
