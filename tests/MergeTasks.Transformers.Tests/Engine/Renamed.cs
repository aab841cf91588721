using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace MergeTasks.Transformers.Tests.Engine;

/// <summary>Copies a safetensors file under other tensor names.</summary>
internal static class Renamed
{
    public static void Write(string from, string to, Func<string, string> rename)
    {
        var bytes = File.ReadAllBytes(from);
        var length = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        var header = new JsonObject();
        foreach (var (name, value) in JsonNode.Parse(bytes.AsSpan(8, length))!.AsObject())
            header[name == "__metadata__" ? name : rename(name)] = value!.DeepClone();
        var text = JsonSerializer.SerializeToUtf8Bytes(header);
        var padded = new byte[(text.Length + 7) / 8 * 8];
        padded.AsSpan().Fill((byte)' ');
        text.CopyTo(padded, 0);
        using var file = File.Create(to);
        var size = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(size, padded.Length);
        file.Write(size);
        file.Write(padded);
        file.Write(bytes.AsSpan(8 + length));
    }
}
