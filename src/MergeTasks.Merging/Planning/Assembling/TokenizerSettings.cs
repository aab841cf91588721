using System.Text.Json;
using MergeTasks.Files;
using MergeTasks.Files.Json;
using MergeTasks.Merging.Inputs;

namespace MergeTasks.Merging.Planning.Assembling;

/// <summary>What <c>tokenizer_config.json</c> says of special tokens, by their texts.</summary>
/// <param name="Begin">The token with which texts begin.</param>
/// <param name="End">The token with which they end.</param>
internal sealed record TokenizerSettings(string? Begin, string? End)
{
    private const string FileName = "tokenizer_config.json";

    /// <summary>Those among a model's files; none where there is no such file, or none that can be read.</summary>
    public static TokenizerSettings Of(IReadOnlyList<SideFile> files)
    {
        if (files.FirstOrDefault(file => file.Name == FileName) is not { } file)
            return new(null, null);
        try
        {
            using var json = StrictJson.Parse(file.Read(), FileName);
            return json.RootElement.ValueKind == JsonValueKind.Object
                ? new(Token(json.RootElement, "bos_token"), Token(json.RootElement, "eos_token"))
                : new(null, null);
        }
        catch (FileFault)
        {
            return new(null, null);
        }
    }

    // A text, or what an added token is: a mapping with its text.
    private static string? Token(JsonElement root, string key) =>
        !root.TryGetProperty(key, out var value) ? null
        : value.ValueKind == JsonValueKind.String ? value.GetString()
        : value.ValueKind == JsonValueKind.Object && value.TryGetProperty("content", out var content)
            && content.ValueKind == JsonValueKind.String ? content.GetString()
        : null;
}
