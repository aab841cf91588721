using MergeTasks.Language.Recipes;

namespace MergeTasks.Language.Declarations;

/// <summary>Which merges get a factor that is chosen on their models' task data, although nobody asks for it.</summary>
internal static class UsualFactor
{
    /// <summary>Whether all models can be measured, and nothing else says how large the merged change is.</summary>
    public static bool Suits(MergeDeclaration merge)
    {
        var tuned = merge.Models.Where(model => IsTuned(merge, model)).ToList();
        return (merge.Base ?? merge.ImportanceBase) is not null
            && !merge.IsMergekitCompatible
            && tuned.Count > 1
            && (merge.IsWhole || MergesAnywhere(merge))
            && tuned.TrueForAll(model => model.TaskData is not null)
            && !Scopes(merge).Any(parameters => parameters.ContainsKey("lambda") || parameters.ContainsKey("t"));
    }

    private static IEnumerable<IReadOnlyDictionary<string, Setting>> Scopes(MergeDeclaration merge) =>
        merge.Models.Concat(merge.Modules.SelectMany(module => module.Models)).Select(model => model.Parameters)
            .Concat(SlicesOf(merge).SelectMany(slice => slice.Sources.Select(source => source.Model.Parameters).Append(slice.Parameters)))
            .Concat(merge.Modules.Select(module => module.Parameters))
            .Append(merge.Parameters);

    private static IEnumerable<SliceDeclaration> SlicesOf(MergeDeclaration merge) =>
        merge.Slices.Concat(merge.Modules.SelectMany(module => module.Slices));

    // Where layers are only stacked, there is no mixture whose size could be chosen.
    private static bool MergesAnywhere(MergeDeclaration merge) =>
        SlicesOf(merge).Select(slice => slice.Sources.Select(source => source.Model)).Concat(merge.Modules.Select(module => module.Models))
            .Any(models => models.Count(model => IsTuned(merge, model)) > 1);

    private static bool IsTuned(MergeDeclaration merge, ModelDeclaration model) =>
        merge.Base is null || !model.IsSameModel(merge.Base);
}
