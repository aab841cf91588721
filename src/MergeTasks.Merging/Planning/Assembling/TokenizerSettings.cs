using System.Text.Json;
using MergeTasks.Files;
using MergeTasks.Files.Json;
using MergeTasks.Merging.Inputs;

namespace MergeTasks.Merging.Planning.Assembling;

/// <summary>What <c>tokenizer_config.json</c> says of special tokens, by their texts.</summary>
/// <param name="Begin">The token with which texts begin.</param>
/// <param name="End">The token with which they end.</param>
/// <param name="Roles">By the token, the first of the roles that it has.</param>
internal sealed record TokenizerSettings(string? Begin, string? End, IReadOnlyDictionary<string, string> Roles)
{
    private const string FileName = "tokenizer_config.json";

    private static readonly string[] AllRoles =
        ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

    private static readonly TokenizerSettings None = new(null, null, new Dictionary<string, string>());

    /// <summary>Those among a model's files; none where there is no such file, or none that can be read.</summary>
    public static TokenizerSettings Of(IReadOnlyList<SideFile> files)
    {
        if (files.FirstOrDefault(file => file.Name == FileName) is not { } file)
            return None;
        try
        {
            using var json = StrictJson.Parse(file.Read(), FileName);
            return json.RootElement.ValueKind == JsonValueKind.Object ? Of(json.RootElement) : None;
        }
        catch (FileFault)
        {
            return None;
        }
    }

    private static TokenizerSettings Of(JsonElement root)
    {
        var roles = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var role in AllRoles)
        {
            if (Token(root, role) is { } token)
                roles.TryAdd(token, role);
        }

        return new(Token(root, AllRoles[0]), Token(root, AllRoles[1]), roles);
    }

    // A text, or what an added token is: a mapping with its text.
    private static string? Token(JsonElement root, string key) =>
        !root.TryGetProperty(key, out var value) ? null
        : value.ValueKind == JsonValueKind.String ? value.GetString()
        : value.ValueKind == JsonValueKind.Object && value.TryGetProperty("content", out var content)
            && content.ValueKind == JsonValueKind.String ? content.GetString()
        : null;
}
