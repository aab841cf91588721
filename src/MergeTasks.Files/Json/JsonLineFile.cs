using System.Text.Json;

namespace MergeTasks.Files.Json;

/// <summary>A file with one JSON text per line (JSONL).</summary>
internal static class JsonLineFile
{
    /// <summary>Reads the lines that are not empty, each with its number; a tree is valid until the next is asked for.</summary>
    /// <exception cref="FileFault">The file cannot be read, or a line is not a JSON text that everybody reads alike.</exception>
    public static IEnumerable<(int Line, JsonElement Json)> Read(string path)
    {
        var bytes = InputFile.ReadAll(path).AsMemory();
        if (bytes.Span is [0xEF, 0xBB, 0xBF, ..])
            bytes = bytes[3..];
        for (var number = 1; !bytes.IsEmpty; number++)
        {
            var end = bytes.Span.IndexOfAny((byte)'\n', (byte)'\r');
            var line = end < 0 ? bytes : bytes[..end];
            var next = end < 0 ? bytes.Length : bytes.Span[end..] is [(byte)'\r', (byte)'\n', ..] ? end + 2 : end + 1;
            bytes = bytes[next..];
            if (line.Span.IndexOfAnyExcept((byte)' ', (byte)'\t') < 0)
                continue;
            using var json = StrictJson.Parse(line, path, number);
            yield return (number, json.RootElement);
        }
    }
}
