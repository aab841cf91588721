using System.Buffers.Binary;
using System.Text.Json;
using MergeTasks.Checkpoints.Elements;

namespace MergeTasks.Checkpoints.Safetensors;

/// <summary>A tensor to be written.</summary>
/// <param name="Name">The tensor's name.</param>
/// <param name="DType">Element type.</param>
/// <param name="Shape">Dimensions, outermost first.</param>
internal sealed record TensorSpec(string Name, DType DType, IReadOnlyList<long> Shape)
{
    /// <summary>Bytes of the tensor's data.</summary>
    public long ByteLength => Shape.Aggregate((long)DType.Size(), (bytes, dimension) => checked(bytes * dimension));
}

/// <summary>One weight file to be written: its header, and where each tensor's data goes.</summary>
/// <param name="FileName">The file's final name.</param>
/// <param name="Header">Length field, JSON text and padding.</param>
/// <param name="Tensors">The tensors with absolute offsets, in the order of their data.</param>
/// <param name="Length">Bytes of the whole file.</param>
internal sealed record Shard(string FileName, byte[] Header, IReadOnlyList<TensorInfo> Tensors, long Length);

/// <summary>
/// Distributes tensors over weight files, the same way for the same input: tensors go to shards in ordinal order of name,
/// a shard is closed when the next tensor would take it over the limit, and inside a shard larger element types come first
/// (so that every element is aligned to its size), then names.
/// </summary>
internal static class ShardLayout
{
    // Data starts on a cache line, which vector loads from a mapped file like; readers accept any padding with spaces.
    private const int HeaderAlignment = 64;

    // What loaders of checkpoints look for.
    private static readonly KeyValuePair<string, string>[] CheckpointMetadata = [new("format", "pt")];

    /// <summary>Plans the files of a checkpoint.</summary>
    /// <param name="tensors">All tensors of the output.</param>
    /// <param name="maxShardSize">Data bytes of one shard; 0 or less means one file. A tensor larger than this gets a shard of its
    /// own.</param>
    public static IReadOnlyList<Shard> Plan(IEnumerable<TensorSpec> tensors, long maxShardSize)
    {
        var groups = new List<List<TensorSpec>> { new() };
        var size = 0L;
        foreach (var tensor in tensors.OrderBy(tensor => tensor.Name, StringComparer.Ordinal))
        {
            var bytes = tensor.ByteLength;
            if (maxShardSize > 0 && size > 0 && size + bytes > maxShardSize)
            {
                groups.Add([]);
                size = 0;
            }

            groups[^1].Add(tensor);
            size += bytes;
        }

        return [.. groups.Select((group, i) => Lay(FileName(i, groups.Count), group, CheckpointMetadata))];
    }

    /// <summary>Plans one file of its own.</summary>
    /// <param name="fileName">Its name.</param>
    /// <param name="tensors">Its tensors.</param>
    /// <param name="metadata">Texts for the header's <c>__metadata__</c>.</param>
    public static Shard OneFile(string fileName, IEnumerable<TensorSpec> tensors, IEnumerable<KeyValuePair<string, string>> metadata) =>
        Lay(fileName, [.. tensors], metadata);

    private static string FileName(int index, int count) =>
        count == 1 ? WeightFiles.SingleFileName : $"model-{index + 1:D5}-of-{count:D5}.safetensors";

    private static Shard Lay(string fileName, List<TensorSpec> tensors, IEnumerable<KeyValuePair<string, string>> metadata)
    {
        var ordered = tensors.OrderByDescending(tensor => tensor.DType.Size())
            .ThenBy(tensor => tensor.Name, StringComparer.Ordinal)
            .ToList();
        var header = Header(ordered, metadata);
        var infos = new List<TensorInfo>(ordered.Count);
        var offset = (long)header.Length;
        foreach (var tensor in ordered)
        {
            infos.Add(new TensorInfo(tensor.Name, tensor.DType, tensor.Shape, offset));
            offset += infos[^1].ByteLength;
        }

        return new Shard(fileName, header, infos, offset);
    }

    private static byte[] Header(List<TensorSpec> tensors, IEnumerable<KeyValuePair<string, string>> metadata)
    {
        using var buffer = new MemoryStream();
        buffer.Write(stackalloc byte[SafetensorsHeader.LengthFieldSize]);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteStartObject("__metadata__");
            foreach (var (key, value) in metadata)
                json.WriteString(key, value);
            json.WriteEndObject();
            var offset = 0L;
            foreach (var tensor in tensors)
            {
                json.WriteStartObject(tensor.Name);
                json.WriteString("dtype", tensor.DType.SafetensorsName());
                json.WriteStartArray("shape");
                foreach (var dimension in tensor.Shape)
                    json.WriteNumberValue(dimension);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                json.WriteNumberValue(offset += tensor.ByteLength);
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        while (buffer.Length % HeaderAlignment != 0)
            buffer.WriteByte((byte)' ');
        var bytes = buffer.ToArray();
        BinaryPrimitives.WriteInt64LittleEndian(bytes, bytes.Length - SafetensorsHeader.LengthFieldSize);
        return bytes;
    }
}
