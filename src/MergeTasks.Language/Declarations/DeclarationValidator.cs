using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Recipes;
using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Loading;

namespace MergeTasks.Language.Declarations;

/// <summary>Checks a declaration against what its method declares: parameters, their values and places, models, base.</summary>
/// <param name="methods">The methods that there are.</param>
/// <param name="report">Receives each finding.</param>
internal sealed class DeclarationValidator(MethodCatalog methods, Action<Diagnostic> report)
{
    private bool _isRecipe;

    /// <summary>Checks one merge.</summary>
    /// <param name="merge">The declaration.</param>
    /// <param name="methodLocation">Where the method is named.</param>
    /// <param name="scopes">All settings of the merge, with their places.</param>
    public void Check(MergeDeclaration merge, SourceLocation methodLocation, IReadOnlyList<SettingsScope> scopes)
    {
        if (methods.Find(merge.Method) is not { } method)
        {
            Report(DiagnosticCode.UnknownMethod, merge,
                $"there is no method '{merge.Method}'.{Suggestion.Sentence(merge.Method, [.. methods.All.Select(known => known.Name)])}",
                methodLocation);
            return;
        }

        _isRecipe = scopes.Any(scope => scope.IsOfRecipe);
        foreach (var scope in scopes)
            CheckSettings(merge, method, scope);
        if (merge.IsWhole)
            CheckModels(merge, method, merge.Models, merge.Location, [merge.Parameters]);
        foreach (var slice in merge.Slices)
            CheckSlice(merge, method, slice, [slice.Parameters, merge.Parameters]);
        foreach (var module in merge.Modules)
        {
            if (module.Models.Count > 0)
                CheckModels(merge, method, module.Models, module.Location, [module.Parameters, merge.Parameters]);
            foreach (var slice in module.Slices)
                CheckSlice(merge, method, slice, [slice.Parameters, module.Parameters, merge.Parameters]);
        }
    }

    private void CheckSettings(MergeDeclaration merge, MergeMethod method, SettingsScope scope)
    {
        foreach (var (name, setting) in scope.Settings)
        {
            var declared = method.Parameters.FirstOrDefault(parameter => parameter.Name == name);
            if (declared is null)
            {
                string[] own = [.. method.Parameters.Select(parameter => parameter.Name)];
                var isIgnored = scope.IsOfRecipe && (RecipeNodes.IsParameter(name) || Suggestion.Closest(name, own) is null);
                Tell(DiagnosticCode.UnknownParameter, merge, isIgnored,
                    $"the method '{method.Name}' has no parameter "
                        + $"'{name}'{(isIgnored ? ", so it has no effect" : "")}.{(isIgnored ? "" : Suggestion.Sentence(name, own))}", scope.LocationOf(name));
            }
            else if (scope.IsOfModel && !declared.PerModel)
            {
                Tell(DiagnosticCode.MisplacedParameter, merge, scope.IsOfRecipe,
                    $"'{name}' is a parameter of the whole merge and has no effect on a single model; move it to the merge's own "
                        + "parameters.", scope.LocationOf(name));
            }
            else
            {
                CheckValues(merge, declared, setting, scope.LocationOf(name));
            }
        }
    }

    private void CheckValues(MergeDeclaration merge, ParameterDeclaration declared, Setting setting, SourceLocation location)
    {
        foreach (var value in Numbers(setting))
        {
            if (declared.IsFlag && value is not (0 or 1))
                Report(DiagnosticCode.InvalidValue, merge, $"'{declared.Name}' is true or false, not {value}.", location);
            else if (value < declared.Minimum || value > declared.Maximum)
                Report(
                    DiagnosticCode.InvalidValue,
                    merge,
                    $"'{declared.Name}' is {value}; it must lie between {declared.Minimum} and {declared.Maximum}.",
                    location);
        }
    }

    private void CheckModels(
        MergeDeclaration merge,
        MergeMethod method,
        IReadOnlyList<ModelDeclaration> models,
        SourceLocation location,
        IReadOnlyList<IReadOnlyDictionary<string, Setting>> scopes)
    {
        if (!HasBase(merge, method, merge.Base))
            return;
        for (var i = 0; i < models.Count; i++)
        {
            // In a list of items that is a slip, or a glob. mergekit keys everything by the model, so that the second would take the
            // first's place.
            if (merge.Mixture is null
                && (merge.IsMergekitCompatible || !_isRecipe)
                && models.Take(i).Any(models[i].IsSameModel))
                Report(
                    DiagnosticCode.ModelCount,
                    merge,
                    $"the model '{models[i].Label}' is listed twice{(_isRecipe ? ", which mergekit cannot do; without "
                        + "Compatibility=\"mergekit\" it counts twice" : "")}.",
                    models[i].Location);
        }

        CheckCount(merge, method, models, merge.Base, location);
        CheckRequired(merge, method, models, merge.Base, location, scopes);
    }

    private void CheckSlice(
        MergeDeclaration merge, MergeMethod method, SliceDeclaration slice, IReadOnlyList<IReadOnlyDictionary<string, Setting>> scopes)
    {
        var baseModel = slice.Base ?? merge.Base;
        if (!HasBase(merge, method, baseModel))
            return;
        var models = slice.Sources.Select(source => source.Model).ToList();
        if (method.Base == BaseUse.Required && !models.Exists(baseModel!.IsSameModel))
        {
            Report(DiagnosticCode.MissingBase, merge,
                $"the method '{method.Name}' needs the base '{baseModel!.Label}' in every slice. Add it to 'sources': '- "
                    + $"{{model: {baseModel.Label}, layer_range: [{slice.Sources[0].Start}, {slice.Sources[0].End}]}}'.", slice.Location);
            return;
        }

        for (var i = 0; i < slice.Sources.Count; i++)
        {
            var source = slice.Sources[i];
            if (slice.Sources.Take(i).Any(other => other.Model.IsSameModel(source.Model) && other.Start == source.Start))
                Report(
                    DiagnosticCode.ModelCount,
                    merge,
                    $"the same layers of '{source.Model.Label}' are listed twice in one slice.",
                    source.Model.Location);
            if (source.Length != slice.Sources[0].Length)
            {
                Report(DiagnosticCode.LayerRange, merge,
                    $"the sources of a slice have as many layers each: [{source.Start}, {source.End}] is {source.Length}, and "
                        + $"[{slice.Sources[0].Start}, {slice.Sources[0].End}] of '{models[0].Label}' is {slice.Sources[0].Length}.",
                    source.RangeLocation);
            }
        }

        CheckCount(merge, method, models, baseModel, slice.Location);
        CheckRequired(merge, method, models, baseModel, slice.Location, scopes);
    }

    private bool HasBase(MergeDeclaration merge, MergeMethod method, ModelDeclaration? baseModel)
    {
        if (method.Base != BaseUse.Required || baseModel is not null)
            return true;
        Report(DiagnosticCode.MissingBase, merge,
            $"the method '{method.Name}' needs a base model; name it with Base=\"…\" on the merge, or 'base_model' in a recipe.",
            merge.Location);
        return false;
    }

    private void CheckCount(
        MergeDeclaration merge,
        MergeMethod method,
        IReadOnlyList<ModelDeclaration> models,
        ModelDeclaration? baseModel,
        SourceLocation location)
    {
        var takesBase = method.TakesBase(baseModel is not null);
        var listsBase = takesBase && models.Any(baseModel!.IsSameModel);
        var count = models.Count - (listsBase ? 1 : 0);
        if (count >= method.MinModels && count <= method.MaxModels)
            return;
        var wanted = method.MinModels == method.MaxModels ? $"exactly {method.MinModels}" : $"at least {method.MinModels}";
        var besides = takesBase ? " besides the base" : "";
        var hint = count == 0 && listsBase && baseModel!.Adapter is not null
            ? " The base itself is all that is listed: 'merge_method: passthrough' writes a model with its adapter, and as a change it "
                + "needs the base without the adapter."
            : "";
        Report(
            DiagnosticCode.ModelCount,
            merge,
            $"the method '{method.Name}' takes {wanted} model(s){besides}; {count} given.{hint}",
            location);
    }

    private void CheckRequired(
        MergeDeclaration merge,
        MergeMethod method,
        IReadOnlyList<ModelDeclaration> models,
        ModelDeclaration? baseModel,
        SourceLocation location,
        IReadOnlyList<IReadOnlyDictionary<string, Setting>> scopes)
    {
        var baseIndex = method.TakesBase(baseModel is not null) ? models.ToList().FindIndex(baseModel!.IsSameModel) : -1;
        foreach (var parameter in method.Parameters.Where(parameter =>
            parameter.Default is null && !scopes.Any(scope => scope.ContainsKey(parameter.Name))))
        {
            if (!parameter.PerModel)
            {
                Report(
                    DiagnosticCode.MissingParameter,
                    merge,
                    $"the method '{method.Name}' needs the parameter '{parameter.Name}'.",
                    location);
                continue;
            }

            for (var i = 0; i < models.Count; i++)
            {
                if (i != baseIndex && !models[i].Parameters.ContainsKey(parameter.Name))
                    Report(
                        DiagnosticCode.MissingParameter,
                        merge,
                        $"the model '{models[i].Label}' has no '{parameter.Name}', which the method '{method.Name}' needs for each model.",
                        models[i].Location);
            }
        }
    }

    // What mergekit ignores is warned of; a strict merge refuses it.
    private void Tell(DiagnosticCode code, MergeDeclaration merge, bool isIgnored, string message, SourceLocation location) =>
        report(isIgnored ? merge.Ignored(code, message, location) : merge.Error(code, message, location));

    private static IEnumerable<double> Numbers(Setting setting) => setting switch
    {
        Setting.Number number => [number.Value],
        Setting.Gradient gradient => gradient.Values,
        Setting.Conditional conditional => conditional.Cases.SelectMany(item => Numbers(item.Value)),
        _ => [],
    };

    private void Report(DiagnosticCode code, MergeDeclaration merge, string message, SourceLocation location) =>
        report(merge.Error(code, message, location));
}
