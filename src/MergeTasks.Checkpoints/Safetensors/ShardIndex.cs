using System.Text.Json;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Files;
using MergeTasks.Files.Json;

namespace MergeTasks.Checkpoints.Safetensors;

/// <summary>The index of a sharded checkpoint (<c>model.safetensors.index.json</c>): which file holds which tensor.</summary>
internal static class ShardIndex
{
    /// <summary>The index's file name.</summary>
    public const string FileName = "model.safetensors.index.json";

    /// <summary>Reads the <c>weight_map</c>: tensor name to file name, files checked to lie in the index's own folder.</summary>
    /// <exception cref="CheckpointException"><see cref="CheckpointError.BadIndex"/>, or
    /// <see cref="CheckpointError.Unreadable"/>.</exception>
    public static IReadOnlyDictionary<string, string> Read(string path)
    {
        try
        {
            return Parse(InputFile.ReadAll(path, JsonText.LongestFile), path);
        }
        catch (FileFault e)
        {
            throw new CheckpointException(CheckpointError.Unreadable, path, e.Message, e);
        }
    }

    /// <summary>As <see cref="Read"/>, of an index that is not a file yet.</summary>
    /// <param name="bytes">Its content.</param>
    /// <param name="path">What to call it in messages.</param>
    /// <exception cref="CheckpointException"><see cref="CheckpointError.BadIndex"/>.</exception>
    public static IReadOnlyDictionary<string, string> Parse(ReadOnlyMemory<byte> bytes, string path)
    {
        try
        {
            using var json = StrictJson.Parse(bytes, path);
            if (json.RootElement.ValueKind != JsonValueKind.Object
                || !json.RootElement.TryGetProperty("weight_map", out var map)
                || map.ValueKind != JsonValueKind.Object)
            {
                throw Bad(path, "it has no object 'weight_map'");
            }

            var files = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach (var entry in map.EnumerateObject())
            {
                var file = entry.Value.ValueKind == JsonValueKind.String ? entry.Value.GetString()! : "";
                if (!IsPlainFileName(file, ExtensionOf(path)))
                    throw Bad(
                        path, $"it places tensor '{entry.Name}' in '{file}', which is not a {ExtensionOf(path)} file name in the same folder");
                files.Add(entry.Name, file);
            }

            return files;
        }
        catch (FileFault e)
        {
            throw Bad(path, $"it {e.Reason}", e);
        }
    }

    /// <summary>The index's text: <c>metadata.total_size</c> in bytes, and the weight map sorted by tensor name.</summary>
    public static byte[] Write(IEnumerable<(string Tensor, string File)> tensors, long totalSize)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            json.WriteStartObject();
            json.WriteStartObject("metadata");
            json.WriteNumber("total_size", totalSize);
            json.WriteEndObject();
            json.WriteStartObject("weight_map");
            foreach (var (tensor, file) in tensors.OrderBy(entry => entry.Tensor, StringComparer.Ordinal))
                json.WriteString(tensor, file);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        buffer.WriteByte((byte)'\n');
        return buffer.ToArray();
    }

    // Both separators and the colon count on every platform, so that a checkpoint is refused everywhere or nowhere.
    private static bool IsPlainFileName(string file, string extension) =>
        file.EndsWith(extension, StringComparison.Ordinal) && file.AsSpan().IndexOfAny(['/', '\\', ':', '\0']) < 0;

    // An index is called as its file would be, and more.
    private static string ExtensionOf(string path) => Path.GetExtension(
        path.EndsWith(WeightFiles.PickledIndexName, StringComparison.Ordinal) ? WeightFiles.PickledFileName : WeightFiles.SingleFileName);

    private static CheckpointException Bad(string path, string reason, Exception? inner = null) =>
        new(CheckpointError.BadIndex, path, $"'{path}' is not a valid shard index: {reason}.", inner);
}
