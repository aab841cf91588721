using MergeTasks.Language.Recipes;

namespace MergeTasks.Language.Declarations;

/// <summary>Turns a recipe's models, slices and modules into declarations.</summary>
/// <param name="recipe">The recipe.</param>
/// <param name="resolve">Finds the model that a recipe names.</param>
internal sealed class RecipeDeclarations(RecipeDocument recipe, Func<RecipeModel, ModelDeclaration> resolve)
{
    private readonly List<SettingsScope> _scopes = [];

    /// <summary>A declaration with the recipe's body.</summary>
    /// <param name="merge">What the recipe does not say.</param>
    /// <returns>The declaration, and all settings with their places.</returns>
    public (MergeDeclaration Merge, IReadOnlyList<SettingsScope> Scopes) Fill(MergeDeclaration merge)
    {
        var filled = merge with
        {
            Location = recipe.Location,
            Method = recipe.Method.Name,
            Base = recipe.Base is { } baseModel ? resolve(baseModel) : null,
            Parameters = Values(recipe.Parameters),
            Models = [.. recipe.Models.Concat(recipe.Experts.Select(expert => expert.Model)).Select(Model)],
            Slices = [.. recipe.Slices.Select(Slice)],
            Modules = [.. recipe.Modules.Select(Module)],
        };
        return (filled.IsWhole ? filled : filled with { Models = Distinct(filled) }, _scopes);
    }

    private ModuleDeclaration Module(RecipeModule module) => new(module.Name, module.Location)
    {
        Parameters = Values(module.Parameters),
        Models = [.. module.Models.Select(Model)],
        Slices = [.. module.Slices.Select(Slice)],
    };

    private SliceDeclaration Slice(RecipeSlice slice) =>
        new(
            [.. slice.Sources.Select(source => new SliceSource(Model(source.Model), source.Start, source.End, source.RangeLocation))],
            slice.Location)
        {
            Base = slice.Base is { } baseModel ? resolve(baseModel) : null,
            Parameters = Values(slice.Parameters),
        };

    private ModelDeclaration Model(RecipeModel model) => resolve(model) with { Parameters = Values(model.Parameters, isOfModel: true) };

    private Dictionary<string, Setting> Values(IReadOnlyDictionary<string, RecipeSetting> settings, bool isOfModel = false)
    {
        var values = settings.ToDictionary(pair => pair.Key, pair => pair.Value.Value, StringComparer.Ordinal);
        _scopes.Add(new SettingsScope(values, isOfModel, name => settings[name].Location) { IsOfRecipe = true });
        return values;
    }

    private static List<ModelDeclaration> Distinct(MergeDeclaration merge)
    {
        var models = new List<ModelDeclaration>();
        var named = Sources(merge.Slices).Concat(merge.Modules.SelectMany(module => module.Models.Concat(Sources(module.Slices))));
        foreach (var model in named)
        {
            var known = models.FindIndex(model.IsSameModel);
            if (known < 0)
                models.Add(model with { Parameters = new Dictionary<string, Setting>() });
            else if (models[known].TaskData is null)
                models[known] = models[known] with { TaskData = model.TaskData };
        }

        return models;
    }

    private static IEnumerable<ModelDeclaration> Sources(IEnumerable<SliceDeclaration> slices) =>
        slices.SelectMany(slice => slice.Sources.Select(source => source.Model));
}
