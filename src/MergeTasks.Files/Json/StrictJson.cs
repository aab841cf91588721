using System.Text.Json;
using System.Text.Json.Nodes;

namespace MergeTasks.Files.Json;

/// <summary>
/// The one reader of JSON: every file, header, answer and record is checked alike (<see cref="JsonText"/>) before anything is taken from
/// it.
/// </summary>
internal static class StrictJson
{
    private static readonly JsonDocumentOptions Depth = new() { MaxDepth = JsonText.MaxDepth };

    /// <summary>Reads a file as a tree.</summary>
    /// <exception cref="FileFault">It cannot be read, or is not a JSON text that everybody reads alike.</exception>
    public static JsonDocument Read(string path) => Parse(Bytes(path), path);

    /// <summary>Reads a text as a tree.</summary>
    /// <param name="text">The bytes, which must not change while the tree is used.</param>
    /// <param name="name">What to call it in messages.</param>
    /// <param name="line">Number of its first line in that.</param>
    /// <exception cref="FileFault">It is not a JSON text that everybody reads alike.</exception>
    public static JsonDocument Parse(ReadOnlyMemory<byte> text, string name, int line = 1) =>
        JsonDocument.Parse(JsonText.Check(text, name, line), Depth);

    /// <summary>Reads a text as an object that can be changed.</summary>
    /// <exception cref="FileFault">It is not a JSON text that everybody reads alike, or no object.</exception>
    public static JsonObject ParseObject(ReadOnlyMemory<byte> text, string name) =>
        JsonNode.Parse(JsonText.Check(text, name).Span, documentOptions: Depth) as JsonObject
        ?? throw new FileFault(FileFaultKind.Malformed, name, "is not a JSON object");

    /// <summary>Checks a text for whoever walks its tokens.</summary>
    /// <returns>The same without its byte order mark.</returns>
    /// <exception cref="FileFault">It is not a JSON text that everybody reads alike.</exception>
    public static ReadOnlyMemory<byte> Check(ReadOnlyMemory<byte> text, string name) => JsonText.Check(text, name);

    /// <summary>Walks the tokens of a text that <see cref="Check"/> returned.</summary>
    public static Utf8JsonReader Tokens(ReadOnlySpan<byte> text) => new(text, new JsonReaderOptions { MaxDepth = JsonText.MaxDepth });

    /// <summary>Reads a file into objects.</summary>
    /// <param name="path">Full path.</param>
    /// <param name="options">How.</param>
    /// <exception cref="FileFault">It cannot be read, or is not what such a file holds.</exception>
    public static T Read<T>(string path, JsonSerializerOptions options) => Parse<T>(Bytes(path), path, options);

    /// <summary>Reads a text into objects.</summary>
    /// <exception cref="FileFault">It is not what such a file holds.</exception>
    public static T Parse<T>(ReadOnlyMemory<byte> text, string name, JsonSerializerOptions options)
    {
        var json = JsonText.Check(text, name);
        try
        {
            return JsonSerializer.Deserialize<T>(json.Span, options) ?? throw new FileFault(FileFaultKind.Malformed, name, "holds nothing");
        }
        catch (JsonException e)
        {
            // The library counts lines from 0.
            throw Foreign(name, e.Message.Split(" Path:")[0], e, (int)(e.LineNumber ?? -1) + 1);
        }
        catch (Exception e) when (e is NotSupportedException or ArgumentException or InvalidOperationException
            or FormatException or OverflowException)
        {
            // What constructors make of values that nobody has written.
            throw Foreign(name, e.Message, e, 0);
        }
    }

    /// <summary>Reads one value in the middle of a text that is being read into objects.</summary>
    public static JsonElement Value(ref Utf8JsonReader reader) => JsonElement.ParseValue(ref reader);

    private static byte[] Bytes(string path) => InputFile.ReadAll(path, JsonText.LongestFile);

    private static FileFault Foreign(string name, string why, Exception e, int line)
    {
        var place = line > 0 ? $" (line {line})" : "";
        return new(FileFaultKind.Malformed, name, $"holds something else than it should: {MessageText.Shown(why.TrimEnd('.'))}{place}", e)
        {
            Line = line,
        };
    }
}
