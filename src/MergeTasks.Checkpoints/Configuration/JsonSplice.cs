using System.Text;
using System.Text.Json;

namespace MergeTasks.Checkpoints.Configuration;

/// <summary>Replaces single values of a JSON object, every other byte kept as its author wrote it.</summary>
internal static class JsonSplice
{
    private const int DeepestSection = 2;

    /// <summary>A member's value: <c>key</c> at the top level, <c>section.key</c> one level below.</summary>
    public static IReadOnlyList<(string Path, int Start, int End)> Members(byte[] json)
    {
        var members = new List<(string, int, int)>();
        var bom = json.AsSpan().StartsWith(Encoding.UTF8.Preamble) ? Encoding.UTF8.Preamble.Length : 0;
        var reader = new Utf8JsonReader(json.AsSpan(bom));
        var section = "";
        while (reader.Read())
        {
            if (reader.TokenType != JsonTokenType.PropertyName)
                continue;
            var (key, depth) = (reader.GetString()!, reader.CurrentDepth);
            reader.Read();
            if (depth < DeepestSection && reader.TokenType == JsonTokenType.StartObject)
            {
                section = key + ".";
                continue;
            }

            var start = bom + (int)reader.TokenStartIndex;
            reader.Skip();
            members.Add(((depth == 1 ? "" : section) + key, start, bom + (int)reader.BytesConsumed));
        }

        return members;
    }

    /// <summary>The text with some values replaced.</summary>
    /// <param name="json">A JSON object.</param>
    /// <param name="values">New values as JSON, by path.</param>
    public static byte[] Replace(byte[] json, IReadOnlyDictionary<string, string> values)
    {
        using var result = new MemoryStream(json.Length);
        var copied = 0;
        foreach (var (path, start, end) in Members(json))
        {
            if (!values.TryGetValue(path, out var value))
                continue;
            result.Write(json, copied, start - copied);
            result.Write(Encoding.UTF8.GetBytes(value));
            copied = end;
        }

        result.Write(json, copied, json.Length - copied);
        return result.ToArray();
    }
}
