using System.Globalization;
using System.Text.Json;

namespace MergeTasks.Checkpoints.Configuration;

/// <summary>Rewrites the ids of special tokens in <c>config.json</c> and <c>generation_config.json</c> for another vocabulary, every other byte kept.</summary>
public static class ConfigTokenIds
{
    private const string Suffix = "_token_id";

    /// <summary>The text with every <c>…_token_id</c> (a number or a list of numbers, at the top level or one level below) replaced.</summary>
    /// <param name="config">A JSON object.</param>
    /// <param name="idOf">The new id of an old one; <see langword="null"/> where the vocabulary lacks the token, which leaves the id.</param>
    /// <exception cref="JsonException">Not JSON.</exception>
    public static byte[] Map(byte[] config, Func<int, int?> idOf)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(idOf);
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (path, start, end) in JsonSplice.Members(config))
        {
            if (!path.EndsWith(Suffix, StringComparison.Ordinal))
                continue;
            using var value = JsonDocument.Parse(config.AsMemory(start..end));
            var root = value.RootElement;
            if (root.ValueKind == JsonValueKind.Number)
                values[path] = Mapped(root, idOf);
            else if (root.ValueKind == JsonValueKind.Array)
                values[path] = $"[{string.Join(", ", root.EnumerateArray().Select(item => Mapped(item, idOf)))}]";
        }

        return JsonSplice.Replace(config, values);
    }

    private static string Mapped(JsonElement value, Func<int, int?> idOf) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var id) && idOf(id) is { } mapped ? mapped.ToString(CultureInfo.InvariantCulture) : value.GetRawText();
}
