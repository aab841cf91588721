using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using MergeTasks.Files;
using MergeTasks.Files.Json;
using MergeTasks.Merging.Inputs;

namespace MergeTasks.Merging.Planning.Vocabularies;

/// <summary>
/// Lists of special tokens beside a union's vocabulary: what other models' files list (<c>extra_special_tokens</c>,
/// <c>additional_special_tokens</c> of older libraries) and the union has is in the output's file too, else libraries that skip special
/// tokens would show them.
/// </summary>
internal static class SpecialTokens
{
    private static readonly string[] Keys = ["extra_special_tokens", "additional_special_tokens"];

    private static readonly string[] Files = ["tokenizer_config.json", "special_tokens_map.json"];

    private static readonly JsonSerializerOptions Options = new()
    {
        WriteIndented = true,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>The output's files with the lists of all models.</summary>
    /// <param name="files">The output's.</param>
    /// <param name="others">Those of each model, in the order in which tokens are appended.</param>
    /// <param name="ids">The output's vocabulary.</param>
    public static IEnumerable<SideFile> Joined(
        IReadOnlyList<SideFile> files, IReadOnlyList<IReadOnlyList<SideFile>> others, IReadOnlyDictionary<string, int> ids) =>
        files.Select(file => Files.Contains(file.Name) && Read(file) is { } own
            ? Join(file, own, [.. others.Select(model => model.FirstOrDefault(other => other.Name == file.Name)).Select(Read)], ids)
            : file);

    private static SideFile Join(SideFile file, JsonObject own, List<JsonObject?> others, IReadOnlyDictionary<string, int> ids)
    {
        var isChanged = false;
        foreach (var (key, value) in others.OfType<JsonObject>().SelectMany(other => Keys.Select(key => (key, other[key]))))
        {
            if (value is JsonObject named)
            {
                foreach (var (name, token) in named.Where(entry => TextOf(entry.Value) is { } text && ids.ContainsKey(text)))
                {
                    if (own[key] is not (null or JsonObject) || (own[key] as JsonObject)?.ContainsKey(name) == true)
                        continue;
                    own[key] ??= new JsonObject();
                    own[key]!.AsObject().Add(name, token?.DeepClone());
                    isChanged = true;
                }
            }

            foreach (var token in value as JsonArray ?? [])
            {
                var listed = Keys.Select(known => own[known]).OfType<JsonArray>().ToList();
                if (TextOf(token) is not { } text
                    || !ids.ContainsKey(text)
                    || listed.Exists(list => list.Any(entry => TextOf(entry) == text))
                    || (listed.Count == 0 && own[key] is JsonObject))
                    continue;
                if (listed.Count == 0)
                    own[key] = new JsonArray();
                (listed.Count > 0 ? listed[0] : own[key]!.AsArray()).Add(token?.DeepClone());
                isChanged = true;
            }
        }

        return isChanged ? SideFile.Of(file.Name, [.. JsonSerializer.SerializeToUtf8Bytes(own, Options), (byte)'\n']) : file;
    }

    private static string? TextOf(JsonNode? token) => token switch
    {
        JsonValue value when value.TryGetValue<string>(out var text) => text,
        JsonObject entry when entry["content"] is JsonValue content && content.TryGetValue<string>(out var text) => text,
        _ => null,
    };

    // A file that cannot be read is copied as it is.
    private static JsonObject? Read(SideFile? file)
    {
        if (file is null)
            return null;
        try
        {
            return StrictJson.ParseObject(file.Read(), file.Source ?? file.Name);
        }
        catch (FileFault)
        {
            return null;
        }
    }
}
