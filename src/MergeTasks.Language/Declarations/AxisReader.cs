using System.Globalization;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Importance;
using MergeTasks.Language.Options;
using MergeTasks.Language.Recipes;
using MergeTasks.Language.Searching;
using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Loading;

namespace MergeTasks.Language.Declarations;

/// <summary>Turns the <c>MergeSearchAxis</c> items of one search into declarations, reporting every mistake it meets.</summary>
/// <param name="merge">The merge.</param>
/// <param name="labels">The labels of its models.</param>
/// <param name="items">The items.</param>
/// <param name="methods">The methods that there are.</param>
/// <param name="report">Receives each finding.</param>
internal sealed class AxisReader(
    DeclaredMerge merge,
    IReadOnlyList<string> labels,
    IReadOnlyList<DeclaredItem> items,
    MethodCatalog methods,
    Action<Diagnostic> report)
{
    private const int MostLayers = 16;

    private static readonly IReadOnlyList<MergeOption> Searchable =
    [
        .. FactorDeclaration.Options,
        .. AimDeclaration.Options.Where(option => option.Metadata != "Calibration"),
        .. AplDeclaration.Options,
    ];

    /// <summary>Reads them.</summary>
    public IReadOnlyList<SearchAxis> Read()
    {
        var axes = new List<SearchAxis>();
        var candidates = Methods();
        foreach (var item in items)
        {
            if (ReadAxis(item, candidates) is not { } axis)
                continue;
            if (axes.Exists(other => other.Name == axis.Name && other.Source == axis.Source))
                Report(item, DiagnosticCode.InvalidAxis, "there are two axes of this name.", "Include");
            else
                axes.Add(axis);
        }

        // The method decides which others there are.
        return [.. axes.OrderBy(axis => axis.Kind == AxisKind.Method ? 0 : 1)];
    }

    // Those that the search may try: of its axis, else the declared one.
    private List<MergeMethod> Methods()
    {
        var axis = items.FirstOrDefault(item => IsMethod(item));
        string?[] names = axis is null ? [merge.Recipe?.Method.Name ?? merge.Item["Method"]] : [.. Split(axis["Values"])];
        List<MergeMethod> known = [.. names.OfType<string>().Select(methods.Find).OfType<MergeMethod>()];

        // What is wrong with the methods' names is said elsewhere.
        return known.Count > 0 ? known : [.. methods.All];
    }

    private static bool IsMethod(DeclaredItem item) => item.Include.Equals(SearchAxis.MethodName, StringComparison.OrdinalIgnoreCase);

    private SearchAxis? ReadAxis(DeclaredItem item, List<MergeMethod> candidates)
    {
        if (IsMethod(item))
            return ReadMethod(item);
        var parameter = methods.MetadataNames.FirstOrDefault(pair =>
            pair.Key.Equals(item.Include, StringComparison.OrdinalIgnoreCase) || pair.Value == item.Include);
        if (parameter.Value is not null)
            return ReadParameter(item, parameter.Key, parameter.Value, candidates);
        if (Searchable.FirstOrDefault(option => option.Metadata.Equals(item.Include, StringComparison.OrdinalIgnoreCase)) is { } option)
            return ReadOption(item, option);
        var own = candidates.SelectMany(method => method.Parameters).Select(declared => declared.MetadataName).Distinct();
        Report(
            item, DiagnosticCode.UnknownAxis,
            "there is no such setting to be searched."
                + Suggestion.Sentence(
                    item.Include, [SearchAxis.MethodName, .. own, .. Searchable.Select(searchable => searchable.Metadata)]), "Include");
        return null;
    }

    private SearchAxis? ReadMethod(DeclaredItem item)
    {
        var values = Split(item["Values"]);
        if (item["Range"] is not null || item["Source"] is not null || values.Count == 0)
        {
            Report(item, DiagnosticCode.InvalidAxis, "methods are named by Values=\"linear;ties\".", "Range");
            return null;
        }

        foreach (var unknown in values.Where(value => methods.Find(value) is null))
            Report(
                item, DiagnosticCode.UnknownMethod,
                $"there is no method '{unknown}'.{Suggestion.Sentence(unknown, [.. methods.All.Select(method => method.Name)])}", "Values");
        return Distinct(item, new SearchAxis(SearchAxis.MethodName, AxisKind.Method, item.Location) { Values = values });
    }

    private SearchAxis? ReadParameter(DeclaredItem item, string name, string parameter, List<MergeMethod> candidates)
    {
        var having = candidates.SelectMany(method => method.Parameters.Where(declared => declared.Name == parameter)).ToList();
        if (having.Count == 0)
        {
            Report(
                item, DiagnosticCode.UnknownAxis,
                (candidates.Count == 1 ? $"the method '{candidates[0].Name}' has no"
                    : $"none of the methods {string.Join(", ", candidates.Select(method => method.Name))} has a")
                    + $" parameter '{parameter}'."
                    + Suggestion.Sentence(
                        name, [.. candidates.SelectMany(method => method.Parameters).Select(declared => declared.MetadataName).Distinct()]),
                "Include");
            return null;
        }

        if (having.TrueForAll(declared => declared.IsIdle))
        {
            var reading = methods.All
                .Where(method => method.Parameters.Any(declared => declared.Name == parameter && !declared.IsIdle))
                .Select(method => method.Name).ToList();
            Report(
                item, DiagnosticCode.InvalidAxis,
                $"'{parameter}' changes nothing with {string.Join(", ", candidates.Select(method => method.Name))}, so there is nothing to "
                    + "search. Leave this axis out"
                    + (reading.Count == 0 ? "." : $", or search a method that reads it ({string.Join(", ", reading)})."), "Include");
            return null;
        }

        having.RemoveAll(declared => declared.IsIdle);
        var axis = new SearchAxis(name, AxisKind.Parameter, item.Location) { Parameter = parameter, Source = item["Source"] };
        if (axis.Source is not null)
        {
            if (!labels.Contains(axis.Source))
            {
                Report(
                    item, DiagnosticCode.UnknownAxis,
                    $"the merge has no model '{axis.Source}'.{Suggestion.Sentence(axis.Source, labels)}", "Source");
                return null;
            }

            if (having.TrueForAll(declared => !declared.PerModel))
                Report(
                    item, DiagnosticCode.InvalidAxis, $"'{parameter}' is a parameter of the whole merge; leave out Source.", "Source");
        }

        return WithValues(item, axis, text => FaultOf(text, parameter, having), having.Exists(declared => !declared.IsFlag));
    }

    private SearchAxis? ReadOption(DeclaredItem item, MergeOption option)
    {
        if (item["Source"] is not null)
            Report(item, DiagnosticCode.InvalidAxis, "this is a setting of the whole merge; leave out Source.", "Source");
        RecipeForm[] forms = option.Form is RecipeForm.Either either ? [.. either.Forms] : [option.Form];
        var axis = new SearchAxis(option.Metadata, AxisKind.Option, item.Location)
        {
            IsWhole = forms.Any(form => form is RecipeForm.WholeNumber),
        };
        return WithValues(
            item, axis,
            text => option.FaultOf(new WrittenOption([text], () => item.Location)) is { } fault ? $"{option.Title} {fault}" : null,
            forms.Any(form => form is RecipeForm.Number or RecipeForm.WholeNumber));
    }

    private SearchAxis? WithValues(DeclaredItem item, SearchAxis axis, Func<string, string?> faultOf, bool takesNumbers)
    {
        var values = Split(item["Values"]);
        if (values.Count > 0 == item["Range"] is not null)
        {
            Report(
                item, DiagnosticCode.InvalidAxis,
                values.Count > 0 ? "it has Values and a Range; one of them is enough."
                    : "it says no values: add Values=\"0.4;0.6;0.8\"" + (takesNumbers ? " or Range=\"0.2..1.4\"." : "."), "Values");
            return null;
        }

        if (values.Count > 0)
        {
            if (item["Layers"] is not null || item["Scale"] is not null)
            {
                Report(
                    item,
                    DiagnosticCode.InvalidAxis,
                    "Layers and Scale belong to a Range.",
                    item["Layers"] is null ? "Scale" : "Layers");
            }

            axis = axis with { Values = values };
            return Check(item, values, "Values", faultOf) ? Distinct(item, axis) : null;
        }

        return ReadRange(item, axis, takesNumbers) is { } range
            && Check(item, [range.Written(range.Low), range.Written(range.High)], "Range", faultOf) ? range : null;
    }

    private SearchAxis? ReadRange(DeclaredItem item, SearchAxis axis, bool takesNumbers)
    {
        var text = item["Range"]!;
        var ends = text.Split("..", StringSplitOptions.TrimEntries).Select(NumberText.ParseFinite).ToList();
        if (!takesNumbers)
            return Refused("its values are no numbers of which others would lie between: name them by Values=\"…\".", "Range");
        if (ends is not [{ } low, { } high] || low >= high)
            return Refused($"'{text}' is no range: write the smallest and the largest number, such as 0.2..1.4.", "Range");
        if (axis.IsWhole && (low != Math.Floor(low) || high != Math.Floor(high)))
            return Refused($"'{text}' must go from a whole number to another.", "Range");
        var scale = item["Scale"] ?? "linear";
        var isLogarithmic = scale.Equals("log", StringComparison.OrdinalIgnoreCase);
        if (!isLogarithmic && !scale.Equals("linear", StringComparison.OrdinalIgnoreCase))
            return Refused($"Scale is '{scale}'.{Suggestion.Sentence(scale, ["linear", "log"])}", "Scale");
        if (isLogarithmic && low <= 0)
            return Refused($"a logarithmic Scale has no place for {NumberText.Of(low)}; begin the Range above 0.", "Range");
        var layers = 1;
        if (item["Layers"] is { } count
            && (!int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out layers) || layers is < 1 or > MostLayers))
            return Refused($"Layers is a whole number from 1 to {MostLayers}, not '{count}'.", "Layers");
        if (layers > 1 && axis.Kind != AxisKind.Parameter)
            return Refused("this setting has one value for all layers; leave out Layers.", "Layers");
        return axis with { Low = low, High = high, IsLogarithmic = isLogarithmic, Layers = layers };

        SearchAxis? Refused(string message, string metadata)
        {
            Report(item, DiagnosticCode.InvalidAxis, message, metadata);
            return null;
        }
    }

    private bool Check(DeclaredItem item, List<string> values, string metadata, Func<string, string?> faultOf)
    {
        var faults = values.Select(value => faultOf(value)).OfType<string>().ToList();
        foreach (var fault in faults)
            Report(item, DiagnosticCode.InvalidAxis, fault, metadata);
        return faults.Count == 0;
    }

    private SearchAxis? Distinct(DeclaredItem item, SearchAxis axis)
    {
        if (axis.Values.Distinct(StringComparer.OrdinalIgnoreCase).Count() == axis.Values.Count)
            return axis;
        Report(item, DiagnosticCode.InvalidAxis, "a value is named twice.", "Values");
        return null;
    }

    private static string? FaultOf(string text, string parameter, List<ParameterDeclaration> having)
    {
        if (SettingText.Parse(text) is not { } setting)
            return $"'{text}' is no value of '{parameter}': write a number, true or false, or numbers over the layers, [0.1, 0.9].";
        foreach (var value in setting is Setting.Gradient gradient ? gradient.Values : [((Setting.Number)setting).Value])
        {
            if (having.Find(declared => value < declared.Minimum || value > declared.Maximum || (declared.IsFlag && value is not (0 or 1)))
                is { } missed)
                return missed.IsFlag ? $"'{parameter}' is true or false, not {NumberText.Of(value)}."
                    : $"'{parameter}' cannot be {NumberText.Of(value)}; it lies between {NumberText.Of(missed.Minimum)} and "
                        + $"{NumberText.Of(missed.Maximum)}.";
        }

        return null;
    }

    private void Report(DeclaredItem item, DiagnosticCode code, string message, string metadata) =>
        report(new Diagnostic(code, $"{item.Type} '{item.Include}' of '{merge.Name}': {message}", item.LocationOf(metadata)));

    private static List<string> Split(string? text) =>
        [.. (text ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)];
}
