using System.Text.Json.Nodes;
using MergeTasks.Language.Declarations;

namespace MergeTasks.Language.Reference;

/// <summary>
/// The project file's part as a <c>.buildschema.json</c>, which editors of MSBuild files read from beside the package's targets
/// (the format of the MSBuild Editor's schemas).
/// </summary>
internal static class BuildSchema
{
    /// <summary>The file's text.</summary>
    public static string Text() => ReferenceJson.Text(new JsonObject
    {
        ["license"] = "MIT",
        ["properties"] = Names(ProjectSurface.Properties),
        ["items"] = new JsonObject(
            ProjectSurface.Items
                .Where(item => item != ProjectSurface.ProjectReference)
                .Select(item => KeyValuePair.Create<string, JsonNode?>(item.Name, new JsonObject
                {
                    ["description"] = item.Description,
                    ["includeDescription"] = item.Include,
                    ["metadata"] = Names([.. item.Metadata, .. item.TakesParameters ? ProjectSurface.ParameterMetadata : []]),
                }))),
        ["metadata"] = new JsonArray(OfProjectReference()),
        ["targets"] = new JsonObject(
            ProjectSurface.Targets.Select(target => KeyValuePair.Create<string, JsonNode?>(target.Name, target.Description))),
    });

    private static JsonObject OfProjectReference()
    {
        var metadata = Names(ProjectSurface.ProjectReference.Metadata);
        metadata.Insert(0, "$appliesTo", ProjectSurface.ProjectReference.Name);
        return metadata;
    }

    private static JsonObject Names(IEnumerable<SurfaceName> names) =>
        new(names.Select(name => KeyValuePair.Create<string, JsonNode?>(name.Name, Entry(name))));

    private static JsonObject Entry(SurfaceName name)
    {
        var entry = new JsonObject { ["description"] = name.Description };
        if (name.Values.Count > 0)
            entry["type"] = new JsonArray([.. name.Values.Select(value => (JsonNode)value)]);
        else if (name.Type != "string")
            entry["type"] = name.Type;
        if (name.Default is not null)
            entry["defaultValue"] = name.Default;
        if (name.IsList)
            entry["isList"] = true;
        return entry;
    }
}
