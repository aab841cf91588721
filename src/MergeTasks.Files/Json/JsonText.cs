using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace MergeTasks.Files.Json;

/// <summary>
/// A JSON text that everybody reads alike: UTF-8 (a byte order mark is passed over), standard syntax, no key twice in one object, no text
/// that is not Unicode, neither deeper nor longer than any file that this project reads.
/// </summary>
/// <remarks>
/// Of a key that comes twice some readers take the first value, most the last, and rewriting one of them would leave the other; so such a
/// file is refused, and its author asked which is meant.
/// </remarks>
internal static class JsonText
{
    /// <summary>Most levels of objects and lists.</summary>
    public const int MaxDepth = 64;

    /// <summary>Most bytes: several times what the largest tokenizers and manifests have.</summary>
    public const int MaxLength = 256 << 20;

    /// <summary>Most bytes of a file, a byte order mark included.</summary>
    public const int LongestFile = MaxLength + 3;

    private const int LongestKey = 100;

    /// <summary>Checks a text.</summary>
    /// <param name="text">The bytes.</param>
    /// <param name="name">What to call it in messages.</param>
    /// <param name="line">Number of its first line in that.</param>
    /// <returns>The same without its byte order mark.</returns>
    /// <exception cref="FileFault">It is no such text, with the place.</exception>
    public static ReadOnlyMemory<byte> Check(ReadOnlyMemory<byte> text, string name, int line = 1)
    {
        if (text.Length > MaxLength)
            throw new FileFault(FileFaultKind.TooLarge, name, $"has {text.Length} bytes; a JSON file has at most {MaxLength}");
        if (text.Span.StartsWith(Encoding.UTF8.Preamble))
            text = text[Encoding.UTF8.Preamble.Length..];
        if (text.Span is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..])
            throw new FileFault(FileFaultKind.Malformed, name, "is not valid JSON: it is UTF-16 text; JSON files are UTF-8");
        if (!Utf8.IsValid(text.Span))
            throw Fault(text.Span, ValidBytes(text.Span), name, line, "is not valid UTF-8");
        var reader = new Utf8JsonReader(text.Span, new JsonReaderOptions { MaxDepth = MaxDepth });
        var key = "";
        try
        {
            Walk(ref reader, ref key, text.Span, name, line);
        }
        catch (JsonException e)
        {
            var why = e.Message.Split(" LineNumber:")[0].TrimEnd('.');
            throw Fault(text.Span, OffsetOf(text.Span, e), name, line, $"is not valid JSON: {why}", e);
        }
        catch (InvalidOperationException e)
        {
            // How the library reports an escape that is half of a surrogate pair.
            var place = reader.TokenType == JsonTokenType.String && key.Length > 0 ? $" in '{MessageText.Shown(key, LongestKey)}'" : "";
            throw Fault(text.Span, reader.TokenStartIndex, name, line, $"has text that is no valid Unicode{place}", e);
        }

        return text;
    }

    private static void Walk(ref Utf8JsonReader reader, ref string key, ReadOnlySpan<byte> text, string name, int line)
    {
        var names = new List<HashSet<string>>();
        var depth = 0;
        while (reader.Read())
        {
            switch (reader.TokenType)
            {
                case JsonTokenType.StartObject:
                    if (names.Count == depth)
                        names.Add(new HashSet<string>(StringComparer.Ordinal));
                    depth++;
                    break;
                case JsonTokenType.EndObject:
                    names[--depth].Clear();
                    break;
                case JsonTokenType.PropertyName:
                    key = reader.GetString()!;
                    if (!names[depth - 1].Add(key))
                    {
                        var shown = MessageText.Shown(key, LongestKey);
                        throw Fault(text, reader.TokenStartIndex, name, line, $"names '{shown}' twice in one object");
                    }

                    break;
                case JsonTokenType.String when reader.ValueIsEscaped:
                    reader.GetString();
                    break;
            }
        }
    }

    private static FileFault Fault(ReadOnlySpan<byte> text, long offset, string name, int line, string reason, Exception? inner = null)
    {
        var before = text[..(int)offset];
        var column = Encoding.UTF8.GetCharCount(before[(before.LastIndexOf((byte)'\n') + 1)..]) + 1;
        line += before.Count((byte)'\n');
        return new FileFault(FileFaultKind.Malformed, name, $"{reason} (line {line}, column {column})", inner)
        {
            Line = line,
            Column = column,
        };
    }

    private static long OffsetOf(ReadOnlySpan<byte> text, JsonException e)
    {
        var offset = 0;
        for (var i = 0L; i < (e.LineNumber ?? 0); i++)
            offset += text[offset..].IndexOf((byte)'\n') + 1;
        return Math.Min(text.Length, offset + (e.BytePositionInLine ?? 0));
    }

    private static int ValidBytes(ReadOnlySpan<byte> text)
    {
        var valid = 0;
        while (Rune.DecodeFromUtf8(text[valid..], out _, out var length) == System.Buffers.OperationStatus.Done)
            valid += length;
        return valid;
    }
}
