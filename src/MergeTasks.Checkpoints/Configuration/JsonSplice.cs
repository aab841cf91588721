using System.Text;
using System.Text.Json;
using MergeTasks.Files;
using MergeTasks.Files.Json;

namespace MergeTasks.Checkpoints.Configuration;

/// <summary>The name of a member of a JSON object, or of an object directly below it.</summary>
/// <param name="Section">The key of the object below; empty at the top level.</param>
/// <param name="Key">The member's key.</param>
internal readonly record struct JsonMemberName(string Section, string Key)
{
    /// <summary>As people write it: <c>key</c>, or <c>section.key</c>.</summary>
    public override string ToString() => Section.Length == 0 ? Key : $"{Section}.{Key}";
}

/// <summary>A member's value, and where it stands in the text.</summary>
/// <param name="Name">The member.</param>
/// <param name="Start">The value's first byte.</param>
/// <param name="End">The byte after its last.</param>
internal readonly record struct JsonMember(JsonMemberName Name, int Start, int End);

/// <summary>Replaces single values of a JSON object, every other byte kept as its author wrote it.</summary>
internal static class JsonSplice
{
    private const int DeepestSection = 2;

    /// <summary>
    /// The members at the top level, and those of the objects one level below in place of these objects (but for one without a name, whose
    /// members would pass for those of the top level).
    /// </summary>
    /// <param name="json">A JSON object.</param>
    /// <param name="name">What to call it in messages.</param>
    /// <exception cref="Files.FileFault">It is not a JSON text that everybody reads alike.</exception>
    public static IReadOnlyList<JsonMember> Members(byte[] json, string name)
    {
        var members = new List<JsonMember>();
        var text = StrictJson.Check(json, name);
        var mark = json.Length - text.Length;
        var reader = StrictJson.Tokens(text.Span);
        var section = "";
        while (reader.Read())
        {
            if (reader.TokenType != JsonTokenType.PropertyName)
                continue;
            var (key, depth) = (reader.GetString()!, reader.CurrentDepth);
            reader.Read();
            if (depth < DeepestSection && key.Length > 0 && reader.TokenType == JsonTokenType.StartObject)
            {
                section = key;
                continue;
            }

            var start = mark + (int)reader.TokenStartIndex;
            reader.Skip();
            members.Add(new JsonMember(new JsonMemberName(depth == 1 ? "" : section, key), start, mark + (int)reader.BytesConsumed));
        }

        return members;
    }

    /// <summary>The value of a member of the text.</summary>
    public static JsonElement ValueOf(byte[] json, string name, JsonMember member)
    {
        using var value = StrictJson.Parse(json.AsMemory(member.Start..member.End), name);
        return value.RootElement.Clone();
    }

    /// <summary>The text without a member, which may be an object, and without what separated it from its neighbours.</summary>
    /// <param name="json">A JSON object.</param>
    /// <param name="name">What to call it in messages.</param>
    /// <param name="wanted">The member.</param>
    /// <exception cref="Files.FileFault">It is not a JSON text that everybody reads alike.</exception>
    public static byte[] Remove(byte[] json, string name, JsonMemberName wanted)
    {
        var text = StrictJson.Check(json, name);
        var mark = json.Length - text.Length;
        var reader = StrictJson.Tokens(text.Span);
        var section = "";
        while (reader.Read())
        {
            if (reader.TokenType != JsonTokenType.PropertyName)
                continue;
            var (key, depth, start) = (reader.GetString()!, reader.CurrentDepth, mark + (int)reader.TokenStartIndex);
            reader.Read();
            if (depth == 1)
                section = "";
            if (new JsonMemberName(section, key) != wanted)
            {
                if (depth == 1 && reader.TokenType == JsonTokenType.StartObject)
                    section = key;
                else
                    reader.Skip();
                continue;
            }

            reader.Skip();
            return Without(json, start, mark + (int)reader.BytesConsumed);
        }

        return json;
    }

    /// <summary>The text with one more member at the top level, after the others.</summary>
    /// <param name="json">A JSON object without that member.</param>
    /// <param name="name">What to call it in messages.</param>
    /// <param name="key">The member's key, which needs no escape.</param>
    /// <param name="value">Its value as JSON.</param>
    /// <exception cref="Files.FileFault">It is not a JSON text that everybody reads alike.</exception>
    public static byte[] Add(byte[] json, string name, string key, string value)
    {
        _ = StrictJson.Check(json, name);
        var end = Array.LastIndexOf(json, (byte)'}') - 1;
        while (json[end] is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n')
            end--;
        var (comma, line) = (json[end] == '{' ? "" : ",", json.Contains((byte)'\n') ? "\n  " : " ");
        return [.. json.AsSpan(0, end + 1), .. Encoding.UTF8.GetBytes($"{comma}{line}\"{key}\": {value}"), .. json.AsSpan(end + 1)];
    }

    private static byte[] Without(byte[] json, int start, int end)
    {
        var next = end;
        while (json[next] is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n')
            next++;
        var before = start;
        while (json[before - 1] is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n')
            before--;
        if (json[next] == ',')
            return [.. json.AsSpan(0, before), .. json.AsSpan(next + 1)];
        return [.. json.AsSpan(0, json[before - 1] == ',' ? before - 1 : before), .. json.AsSpan(end)];
    }

    /// <summary>The text with some values replaced.</summary>
    /// <param name="json">A JSON object.</param>
    /// <param name="name">What to call it in messages.</param>
    /// <param name="values">New values as JSON.</param>
    /// <exception cref="Files.FileFault">It is not a JSON text that everybody reads alike.</exception>
    public static byte[] Replace(byte[] json, string name, IReadOnlyDictionary<JsonMemberName, string> values)
    {
        using var result = new MemoryStream(json.Length);
        var copied = 0;
        foreach (var member in Members(json, name))
        {
            if (!values.TryGetValue(member.Name, out var value))
                continue;
            result.Write(json, copied, member.Start - copied);
            result.Write(Encoding.UTF8.GetBytes(value));
            copied = member.End;
        }

        result.Write(json, copied, json.Length - copied);
        return result.ToArray();
    }
}
