using System.Globalization;
using System.Text.Json;
using MergeTasks.Files;

namespace MergeTasks.Checkpoints.Configuration;

/// <summary>
/// Rewrites the ids of special tokens in <c>config.json</c> and <c>generation_config.json</c> for another vocabulary, every other byte
/// kept.
/// </summary>
internal static class ConfigTokenIds
{
    private const string Suffix = "_token_id";

    /// <summary>
    /// The text with every <c>…_token_id</c> (a number or a list of numbers, at the top level or one level below) replaced.
    /// </summary>
    /// <param name="config">A JSON object.</param>
    /// <param name="name">What to call it in messages.</param>
    /// <param name="idOf">The new id of an old one; <see langword="null"/> where the vocabulary lacks the token, which leaves the
    /// id.</param>
    /// <exception cref="FileFault">It is not a JSON text that everybody reads alike.</exception>
    public static byte[] Map(byte[] config, string name, Func<int, int?> idOf)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(idOf);
        var values = new Dictionary<JsonMemberName, string>();
        foreach (var member in JsonSplice.Members(config, name).Where(member => member.Name.Key.EndsWith(Suffix, StringComparison.Ordinal)))
        {
            var value = JsonSplice.ValueOf(config, name, member);
            if (value.ValueKind == JsonValueKind.Number)
                values[member.Name] = Mapped(value, idOf);
            else if (value.ValueKind == JsonValueKind.Array)
                values[member.Name] = $"[{string.Join(", ", value.EnumerateArray().Select(item => Mapped(item, idOf)))}]";
        }

        return JsonSplice.Replace(config, name, values);
    }

    private static string Mapped(JsonElement value, Func<int, int?> idOf) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var id) && idOf(id) is { } mapped
            ? mapped.ToString(CultureInfo.InvariantCulture)
            : value.GetRawText();
}
