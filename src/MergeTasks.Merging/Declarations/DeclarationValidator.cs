using MergeTasks.Merging.Diagnostics;
using MergeTasks.Merging.Methods;
using MergeTasks.Merging.Recipes;

namespace MergeTasks.Merging.Declarations;

/// <summary>Checks a declaration against what its method declares: parameters, their values and places, models, base.</summary>
/// <param name="report">Receives each finding.</param>
internal sealed class DeclarationValidator(Action<Diagnostic> report)
{
    /// <summary>Checks one merge.</summary>
    /// <param name="merge">The declaration.</param>
    /// <param name="methodLocation">Where the method is named.</param>
    /// <param name="settingLocation">Where a setting stands: the model's position (−1 for the merge) and the parameter's name.</param>
    public void Check(MergeDeclaration merge, SourceLocation methodLocation, Func<int, string, SourceLocation> settingLocation)
    {
        if (MergeMethods.Find(merge.Method) is not { } method)
        {
            Report(DiagnosticCode.UnknownMethod, merge,
                $"there is no method '{merge.Method}'.{Suggestion.Sentence(merge.Method, [.. MergeMethods.All.Select(known => known.Name)])}", methodLocation);
            return;
        }

        CheckSettings(merge, method, -1, merge.Parameters, settingLocation);
        for (var i = 0; i < merge.Models.Count; i++)
            CheckSettings(merge, method, i, merge.Models[i].Parameters, settingLocation);
        CheckModels(merge, method);
        CheckRequired(merge, method);
    }

    private void CheckSettings(
        MergeDeclaration merge, MergeMethod method, int model, IReadOnlyDictionary<string, Setting> settings, Func<int, string, SourceLocation> location)
    {
        foreach (var (name, setting) in settings)
        {
            var declared = method.Parameters.FirstOrDefault(parameter => parameter.Name == name);
            if (declared is null)
            {
                Report(DiagnosticCode.UnknownParameter, merge,
                    $"the method '{method.Name}' has no parameter '{name}'.{Suggestion.Sentence(name, [.. method.Parameters.Select(parameter => parameter.Name)])}", location(model, name));
            }
            else if (model >= 0 && !declared.PerModel)
            {
                Report(DiagnosticCode.MisplacedParameter, merge,
                    $"'{name}' is a parameter of the whole merge and has no effect on a single model; move it to the merge's own parameters.", location(model, name));
            }
            else
            {
                CheckValues(merge, declared, setting, location(model, name));
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
                Report(DiagnosticCode.InvalidValue, merge, $"'{declared.Name}' is {value}; it must lie between {declared.Minimum} and {declared.Maximum}.", location);
        }
    }

    private void CheckModels(MergeDeclaration merge, MergeMethod method)
    {
        if (method.Base == BaseUse.Required && merge.Base is null)
        {
            Report(DiagnosticCode.MissingBase, merge,
                $"the method '{method.Name}' needs a base model; name it with Base=\"…\" on the merge, or 'base_model' in a recipe.", merge.Location);
            return;
        }

        for (var i = 0; i < merge.Models.Count; i++)
        {
            if (merge.Models.Take(i).Any(merge.Models[i].IsSameModel))
                Report(DiagnosticCode.ModelCount, merge, $"the model '{merge.Models[i].Label}' is listed twice.", merge.Models[i].Location);
        }

        var takesBase = method.TakesBase(merge.Base is not null);
        var count = merge.Models.Count(model => !takesBase || !model.IsSameModel(merge.Base!));
        if (count < method.MinModels || count > method.MaxModels)
        {
            var wanted = method.MinModels == method.MaxModels ? $"exactly {method.MinModels}" : $"at least {method.MinModels}";
            var besides = takesBase ? " besides the base" : "";
            Report(DiagnosticCode.ModelCount, merge, $"the method '{method.Name}' takes {wanted} model(s){besides}; {count} given.", merge.Location);
        }
    }

    private void CheckRequired(MergeDeclaration merge, MergeMethod method)
    {
        foreach (var parameter in method.Parameters.Where(parameter => parameter.Default is null && !merge.Parameters.ContainsKey(parameter.Name)))
        {
            if (!parameter.PerModel)
            {
                Report(DiagnosticCode.MissingParameter, merge, $"the method '{method.Name}' needs the parameter '{parameter.Name}'.", merge.Location);
                continue;
            }

            foreach (var model in merge.Models)
            {
                var isBase = method.TakesBase(merge.Base is not null) && merge.Base is { } basis && model.IsSameModel(basis);
                if (!isBase && !model.Parameters.ContainsKey(parameter.Name))
                    Report(DiagnosticCode.MissingParameter, merge, $"the model '{model.Label}' has no '{parameter.Name}', which the method '{method.Name}' needs for each model.", model.Location);
            }
        }
    }

    private static IEnumerable<double> Numbers(Setting setting) => setting switch
    {
        Setting.Number number => [number.Value],
        Setting.Gradient gradient => gradient.Values,
        Setting.Conditional conditional => conditional.Cases.SelectMany(item => Numbers(item.Value)),
        _ => [],
    };

    private void Report(string code, MergeDeclaration merge, string message, SourceLocation location) =>
        report(new Diagnostic(code, $"Merge '{merge.Name}': {message}", location));
}
