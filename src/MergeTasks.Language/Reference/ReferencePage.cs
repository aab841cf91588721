using System.Globalization;
using System.Text;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Options;
using MergeTasks.Language.Recipes;
using MergeTasks.Methods.BuiltIn;
using MergeTasks.Methods.Contract;

namespace MergeTasks.Language.Reference;

/// <summary>The reference of everything that a project file and a recipe can say, in Markdown.</summary>
internal sealed class ReferencePage
{
    private readonly StringBuilder _text = new();

    private ReferencePage()
    {
    }

    /// <summary>The page's text.</summary>
    public static string Text()
    {
        var page = new ReferencePage();
        page.Line("# Reference");
        page.Line(
            "Generated from the declarations in the code; a test keeps it current. Values that no column names are texts or numbers.");
        page.Line("## In your build");
        page.Line(
            "Which shapes of projects are supported, how other projects' models are taken, and which conventions hold, each with its test: "
                + "[In your build](in-your-build.md).");
        page.Line("## Items");
        foreach (var item in ProjectSurface.Items)
            page.Item(item);
        page.Line("## Metadata that sets a method's parameter");
        page.Line(
            "On a `MergedModel` for the whole merge, and as the default of all models; on a `MergeSource` for this model. A value is a "
                + "number, `true` or `false`, or numbers over the layers such as `[0, 0.5, 1]`.");
        page.Table("metadata", ProjectSurface.ParameterMetadata);
        page.Line("## Properties");
        page.Table("property", ProjectSurface.Properties);
        page.Line("## Targets");
        page.Table("target", ProjectSurface.Targets);
        page.Line("## Methods");
        foreach (var method in MergeMethods.All.Concat(MergeMethods.Assembling))
            page.Method(method);
        page.Line("## Recipes");
        page.Section(RecipeKeys.Recipe, []);
        page.Section(RecipeKeys.Mixture, [RecipeKeys.Reference.Title]);
        return page._text.ToString().TrimEnd('\n') + "\n";
    }

    private static string Cell(string text) => text.Replace("|", "\\|", StringComparison.Ordinal);

    private static string Code(string? text) => text is null ? "" : $"`{text}`";

    private static string Written(ParameterDeclaration parameter) => parameter.Default switch
    {
        null => "required",
        { } value when parameter.IsFlag => value != 0 ? "`true`" : "`false`",
        { } value => $"`{value.ToString("R", CultureInfo.InvariantCulture)}`",
    };

    private static string FormOf(RecipeForm form) => form switch
    {
        RecipeForm.Text { Values.Count: > 0 } text => string.Join(", ", text.Values.Select(value => $"`{value}`")),
        RecipeForm.Texts => "text or list",
        RecipeForm.Switch(var word) => $"`{word}`",
        RecipeForm.Flag => "`true`, `false`",
        RecipeForm.WholeNumber { Maximum: { } most } whole => $"whole number from {whole.Minimum} to {most}",
        RecipeForm.WholeNumber whole => $"whole number from {whole.Minimum} on",
        RecipeForm.Number { Maximum: double.MaxValue } number =>
            string.Create(CultureInfo.InvariantCulture, $"number from {number.Minimum} on"),
        RecipeForm.Number number =>
            string.Create(CultureInfo.InvariantCulture, $"number from {number.Minimum:0.######} to {number.Maximum}"),
        RecipeForm.Setting => "number, or list of numbers",
        RecipeForm.Reference => "model",
        RecipeForm.Parameters => "parameters",
        RecipeForm.LayerRange => "[first, end]",
        RecipeForm.Mapping mapping => $"mapping: {mapping.Section.Title}",
        RecipeForm.ListOf list => $"list: {list.Section.Title}",
        RecipeForm.MapOf map => $"mapping of names: {map.Section.Title}",
        RecipeForm.Either either => string.Join(", or ", either.Forms.Select(FormOf)),
        _ => "text",
    };

    private static IEnumerable<RecipeSection> SectionsOf(RecipeForm form) => form switch
    {
        RecipeForm.Mapping mapping => [mapping.Section],
        RecipeForm.ListOf list => [list.Section],
        RecipeForm.MapOf map => [map.Section],
        RecipeForm.Reference => [RecipeKeys.Reference],
        RecipeForm.Parameters => [RecipeKeys.Condition],
        RecipeForm.Either either => either.Forms.SelectMany(SectionsOf),
        _ => [],
    };

    private void Line(string line) => _text.Append(line).Append("\n\n");

    private void Item(SurfaceItem item)
    {
        Line($"### {item.Name}");
        Line($"{item.Description} *Include*: {item.Include}");
        Table("metadata", item.Metadata);
    }

    private void Table(string kind, IReadOnlyList<SurfaceName> names)
    {
        var (hasValues, hasDefaults) = (names.Any(ValuesOf), names.Any(name => name.Default is not null));
        _text.Append(
            CultureInfo.InvariantCulture,
            $"| {kind} |{(hasValues ? " values |" : "")}{(hasDefaults ? " default |" : "")} meaning "
                + $"|\n|---|{(hasValues ? "---|" : "")}{(hasDefaults ? "---|" : "")}---|\n");
        foreach (var name in names)
        {
            var values = name.Values.Count > 0
                ? string.Join(", ", name.Values.Select(Code))
                : name.Type switch
                {
                    "bool" => "`true`, `false`",
                    "int" => "whole number",
                    "string" => name.IsList ? "list" : "",
                    var type => type.Replace("file-or-folder", "model", StringComparison.Ordinal)
                };
            _text.Append(
                CultureInfo.InvariantCulture,
                $"| `{name.Name}` |{(hasValues ? $" {values} |" : "")}{(hasDefaults ? $" {Code(name.Default)} |" : "")} {Cell(name.Description)} |\n");
        }

        _text.Append('\n');

        static bool ValuesOf(SurfaceName name) => name.Values.Count > 0 || name.Type != "string" || name.IsList;
    }

    private void Method(MergeMethod method)
    {
        Line($"### {method.Name}");
        var baseUse = method.Base switch
        {
            BaseUse.Required => "Needs a base.",
            BaseUse.Optional => "Uses a base where one is named.",
            _ => "Needs no base."
        };
        var models = method.MinModels == method.MaxModels ? $" Takes {method.MinModels} "
            + $"model{(method.MinModels == 1 ? "" : "s")}{(method.Base == BaseUse.Required ? " besides it" : "")}."
            : method.MinModels > 1 ? $" Takes at least {method.MinModels} models." : "";
        Line($"{method.Summary} {baseUse}{models} Source: {method.Source}");
        if (method.Parameters.Count == 0)
            return;
        _text.Append("| parameter | default | of each model | meaning |\n|---|---|---|---|\n");
        foreach (var parameter in method.Parameters)
            _text.Append(
                CultureInfo.InvariantCulture,
                $"| `{parameter.Name}` | {Written(parameter)} | {(parameter.PerModel ? "yes" : "")} | {Cell(parameter.Description)} |\n");
        _text.Append('\n');
    }

    // A section, and below it those that its keys lead to, each once.
    private void Section(RecipeSection section, HashSet<string> told)
    {
        if (!told.Add(section.Title))
            return;
        Line($"### {section.Title}");
        _text.Append("| key | value | meaning |\n|---|---|---|\n");
        foreach (var key in section.Keys)
            _text.Append(
                CultureInfo.InvariantCulture,
                $"| `{key.Name}`{(key.IsRequired ? " (required)" : "")} | {Cell(FormOf(key.Form))} | {Cell(key.Description)} |\n");
        _text.Append('\n');
        foreach (var next in section.Keys.SelectMany(key => SectionsOf(key.Form)))
            Section(next, told);
    }
}
