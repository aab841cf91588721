using System.Xml.Linq;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Recipes;

namespace MergeTasks.Language.Reference;

/// <summary>
/// The build file that sets the properties' defaults and gathers what the tasks read of them: MSBuild hands a task only what an attribute
/// names, so all of it is one list of items.
/// </summary>
public static class BuildOptions
{
    private static readonly XNamespace None = XNamespace.None;

    /// <summary>The file's text.</summary>
    public static string Text() => new XElement(
        None + "Project",
        new XComment(" Generated from the declarations in the code; a test keeps it current. "),
        new XElement(None + "PropertyGroup", ProjectProperties.All.Where(property => property.Default is not null).SelectMany(Default)),
        new XComment(" What the tasks read of the properties, gathered when the first of them runs: targets may have set some. "),
        new XElement(
            None + "Target",
            new XAttribute("Name", "_GatherMergeProperties"),
            new XElement(None + "ItemGroup", Read().Select(name => new XElement(
                None + "_MergeProperty", new XAttribute("Include", name), new XAttribute("Value", $"$({name})")))))) + "\n";

    private static IEnumerable<string> Read() => ProjectProperties.OfTheBuild.Concat(ProjectProperties.All)
        .Select(property => property.Name)
        .Concat(MergeOptions.All.Where(option => option.IsProjectWide).Select(option => option.PropertyName));

    private static XNode[] Default(SurfaceName property) =>
    [
        new XComment($" {property.Description} "),
        new XElement(
            None + property.Name,
            new XAttribute("Condition", $"'$({property.Name})' == ''"),
            property.BuildDefault ?? property.Default),
    ];
}
