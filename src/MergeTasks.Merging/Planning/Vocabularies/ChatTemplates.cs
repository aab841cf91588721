using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using MergeTasks.Files;
using MergeTasks.Files.Json;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Inputs;

namespace MergeTasks.Merging.Planning.Vocabularies;

/// <summary>Gives an output the chat template that its declaration asks for.</summary>
internal static class ChatTemplates
{
    private const string TemplateFile = "chat_template.jinja";
    private const string OldTemplateFile = "chat_template.json";
    private const string ConfigFile = "tokenizer_config.json";
    private const string Key = "chat_template";

    private static readonly JsonSerializerOptions Options = new()
    {
        WriteIndented = true,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping
    };

    /// <summary>
    /// The files of an output with its template: in <c>tokenizer_config.json</c>, and in <c>chat_template.jinja</c>, which newer libraries
    /// read first.
    /// </summary>
    /// <param name="declared">The declaration.</param>
    /// <param name="files">The files without it.</param>
    /// <param name="models">The models' files, in order.</param>
    /// <returns>The same files where no model has a template to choose from.</returns>
    /// <exception cref="DiagnosticException">A file that has the template, or gets it, cannot be understood.</exception>
    public static IReadOnlyList<SideFile> Apply(
        ChatTemplateDeclaration declared, IReadOnlyList<SideFile> files, IEnumerable<IReadOnlyList<SideFile>> models)
    {
        try
        {
            return Applied(declared, files, models);
        }
        catch (FileFault e)
        {
            throw new DiagnosticException(DiagnosticCode.BadTokenizer, $"The chat template cannot be set: {e.Message}", declared.Location);
        }
    }

    private static IReadOnlyList<SideFile> Applied(
        ChatTemplateDeclaration declared, IReadOnlyList<SideFile> files, IEnumerable<IReadOnlyList<SideFile>> models)
    {
        var template = declared.Text == BuiltInTemplates.Auto
            ? MostFrequent(models)
            : BuiltInTemplates.Find(declared.Text) ?? declared.Text;
        if (template is null)
            return files;
        var config = files.FirstOrDefault(file => file.Name == ConfigFile) is { } present ? Parse(present) : [];
        config[Key] = template;
        return
        [
            .. files.Where(file => file.Name is not (ConfigFile or TemplateFile or OldTemplateFile))
                .Append(SideFile.Of(ConfigFile, [.. JsonSerializer.SerializeToUtf8Bytes(config, Options), (byte)'\n']))
                .Append(SideFile.Of(TemplateFile, Encoding.UTF8.GetBytes(template)))
                .OrderBy(file => file.Name, StringComparer.Ordinal),
        ];
    }

    // Of templates that are equally frequent the first, in the order of the models.
    private static string? MostFrequent(IEnumerable<IReadOnlyList<SideFile>> models) =>
        models.Select(TemplateOf).OfType<string>().GroupBy(template => template, StringComparer.Ordinal).MaxBy(group => group.Count())?.Key;

    private static string? TemplateOf(IReadOnlyList<SideFile> files)
    {
        var text = files.FirstOrDefault(file => file.Name == TemplateFile) is { } own
            ? own.ReadText()
            : files.FirstOrDefault(file => file.Name == ConfigFile) is { } config ? Text(Parse(config)[Key]) : null;
        return text?.Trim() is { Length: > 0 } trimmed ? trimmed : null;
    }

    // One template, or several with names, of which one is the default.
    private static string? Text(JsonNode? node) => node switch
    {
        JsonValue value when value.GetValueKind() == JsonValueKind.String => value.GetValue<string>(),
        JsonObject named => Text(named["default"]),
        JsonArray list =>
            list.OfType<JsonObject>()
                .Where(entry => Text(entry["name"]) == "default")
                .Select(entry => Text(entry["template"]))
                .FirstOrDefault(),
        _ => null,
    };

    private static JsonObject Parse(SideFile file) => StrictJson.ParseObject(file.Read(), file.Source ?? file.Name);
}
