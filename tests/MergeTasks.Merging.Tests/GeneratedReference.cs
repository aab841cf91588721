using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Reference;
using MergeTasks.Methods.BuiltIn;
using MergeTasks.Methods.Contract;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests;

/// <summary>
/// The files that are generated from the declarations are current. To write them anew:
/// <c>MERGETASKS_WRITE_REFERENCE=1 dotnet test --project tests/MergeTasks.Merging.Tests --filter-class '*GeneratedReference'</c>.
/// </summary>
public sealed partial class GeneratedReference
{
    [Theory]
    [InlineData("docs/reference.md")]
    [InlineData("src/MergeTasks/build/merge-recipe.schema.json")]
    [InlineData("src/MergeTasks/build/MergeTasks.buildschema.json")]
    [InlineData("src/MergeTasks/build/MergeTasks.Options.targets")]
    public void Files_are_current(string file)
    {
        var text = Path.GetFileName(file) switch
        {
            "reference.md" => ReferencePage.Text(),
            "merge-recipe.schema.json" => RecipeSchema.Text(),
            "MergeTasks.Options.targets" => BuildOptions.Text(),
            _ => BuildSchema.Text(),
        };
        var path = Path.Combine(RepositoryFolder.Root, file);
        if (Environment.GetEnvironmentVariable("MERGETASKS_WRITE_REFERENCE") == "1")
            File.WriteAllText(path, text);
        Assert.Equal(text, File.Exists(path) ? File.ReadAllText(path) : "");
    }

    [Fact]
    public void Every_property_and_target_of_the_build_files_is_told()
    {
        var files = Directory.GetFiles(Path.Combine(RepositoryFolder.Root, "src", "MergeTasks", "build"))
            .Where(file => Path.GetExtension(file) is ".targets" or ".props" && Path.GetFileName(file) != "MergeTasks.Options.targets")
                .Select(file => XDocument.Load(file))
                .Append(XDocument.Parse(BuildOptions.Text()))
                .ToList();
        var told = ProjectSurface.Properties.Select(property => property.Name).ToList();

        // Those that a project sets have a default.
        var withDefaults = files.SelectMany(file => file.Descendants("PropertyGroup").Elements())
            .Where(property =>
                ((string?)property.Attribute("Condition"))?.Contains(
                    $"'$({property.Name.LocalName})' == ''", StringComparison.Ordinal) == true
                        && !property.Name.LocalName.StartsWith("Package", StringComparison.Ordinal))
            .Select(property => property.Name.LocalName);
        Assert.Empty(withDefaults.Except([.. told, "MergeTasksAssembly"]));
        Assert.All(told, name => Assert.Contains(files, file => file.ToString().Contains($"$({name})", StringComparison.Ordinal)));
        Assert.Equal(
            files.SelectMany(file => file.Descendants("Target"))
                .Select(target => (string)target.Attribute("Name")!)
                .Where(name => !name.StartsWith('_') && !IsInternal(name))
                .Order(StringComparer.Ordinal),
            ProjectSurface.Targets.Select(target => target.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_recipe_schema_knows_each_methods_parameters()
    {
        var schema = JsonNode.Parse(RecipeSchema.Text())!;
        foreach (var method in MergeMethods.All)
        {
            var own =
                schema["else"]!["allOf"]!
                    .AsArray()
                    .Single(rule => (string)rule!["if"]!["properties"]!["merge_method"]!["const"]! == method.Name)!["then"]!["properties"]!;
            Assert.Equal(
                method.Parameters.Select(parameter => parameter.Name),
                own["parameters"]!["properties"]!.AsObject().Select(pair => pair.Key));
            Assert.Equal(
                method.Parameters.Where(parameter => parameter.PerModel).Select(parameter => parameter.Name),
                own["models"]!["items"]!["properties"]!["parameters"]!["properties"]!.AsObject().Select(pair => pair.Key));
        }
    }

    [Fact]
    public void Links_within_the_schema_lead_somewhere()
    {
        var text = RecipeSchema.Text();
        var definitions = JsonNode.Parse(text)!["definitions"]!.AsObject();
        Assert.All(Link().Matches(text), match => Assert.True(definitions.ContainsKey(match.Groups[1].Value), match.Value));
    }

    // Names for the terminal, and the phases of the generated projects.
    private static bool IsInternal(string target) =>
        target.Contains(' ', StringComparison.Ordinal) || target is "Merge" or "MergeUpstream" or "ScoreImportance" or "MergeTensors";

    [GeneratedRegex("\"#/definitions/([^\"]*)\"")]
    private static partial Regex Link();
}
