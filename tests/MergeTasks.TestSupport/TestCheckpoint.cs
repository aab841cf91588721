using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace MergeTasks.TestSupport;

/// <summary>A tensor as raw bytes, written and read by code that shares nothing with the product.</summary>
internal sealed record RawTensor(string DType, long[] Shape, byte[] Bytes)
{
    public static RawTensor F32(long[] shape, params float[] values) => new("F32", shape, MemoryMarshal.AsBytes<float>(values).ToArray());

    public static RawTensor F64(long[] shape, params double[] values) => new("F64", shape, MemoryMarshal.AsBytes<double>(values).ToArray());

    public static RawTensor F16(long[] shape, params float[] values) =>
        new("F16", shape, MemoryMarshal.AsBytes<Half>(Array.ConvertAll(values, value => (Half)value)).ToArray());

    public static RawTensor I64(long[] shape, params long[] values) => new("I64", shape, MemoryMarshal.AsBytes<long>(values).ToArray());

    public static RawTensor BF16(long[] shape, params float[] values) =>
        new("BF16", shape, MemoryMarshal.AsBytes<ushort>(Array.ConvertAll(values, ToBF16)).ToArray());

    public float[] Floats() => DType switch
    {
        "F32" => MemoryMarshal.Cast<byte, float>(Bytes).ToArray(),
        "F64" => Array.ConvertAll(MemoryMarshal.Cast<byte, double>(Bytes).ToArray(), value => (float)value),
        "F16" => Array.ConvertAll(MemoryMarshal.Cast<byte, Half>(Bytes).ToArray(), value => (float)value),
        "BF16" =>
            Array.ConvertAll(
                MemoryMarshal.Cast<byte, ushort>(Bytes).ToArray(), value => BitConverter.UInt32BitsToSingle((uint)value << 16)),
        _ => throw new InvalidOperationException(DType),
    };

    /// <summary>Rounds to bf16 by comparing the two neighbours, unlike the product's bit arithmetic.</summary>
    public static ushort ToBF16(float value)
    {
        var low = (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16);
        var below = BitConverter.UInt32BitsToSingle((uint)low << 16);
        var above = BitConverter.UInt32BitsToSingle((uint)(low + 1) << 16);
        var (down, up) = (Math.Abs((double)value - below), Math.Abs((double)above - value));
        return down < up || (down == up && low % 2 == 0) ? low : (ushort)(low + 1);
    }
}

/// <summary>Model folders for tests, written and read without the product's code.</summary>
internal static class TestCheckpoint
{
    public static void Write(string folder, params (string Name, RawTensor Tensor)[] tensors)
    {
        Directory.CreateDirectory(folder);
        WriteFile(Path.Combine(folder, "model.safetensors"), tensors);
        File.WriteAllText(Path.Combine(folder, "config.json"), """{"model_type": "llama", "torch_dtype": "float32"}""");
    }

    public static void WriteFile(string path, params (string Name, RawTensor Tensor)[] tensors)
    {
        var header = new JsonObject();
        long offset = 0;
        foreach (var (name, tensor) in tensors)
        {
            header[name] = new JsonObject
            {
                ["dtype"] = tensor.DType,
                ["shape"] = new JsonArray([.. tensor.Shape.Select(dimension => (JsonNode)dimension)]),
                ["data_offsets"] = new JsonArray(offset, offset + tensor.Bytes.Length),
            };
            offset += tensor.Bytes.Length;
        }

        WriteRaw(path, header.ToJsonString(), [.. tensors.SelectMany(tensor => tensor.Tensor.Bytes)]);
    }

    public static void WriteRaw(string path, string header, byte[] data)
    {
        var json = Encoding.UTF8.GetBytes(header);
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        File.WriteAllBytes(path, [.. length, .. json, .. data]);
    }

    public static Dictionary<string, RawTensor> Read(string folder) =>
        Directory.EnumerateFiles(folder, "*.safetensors").SelectMany(ReadFile).ToDictionary(pair => pair.Key, pair => pair.Value);

    public static Dictionary<string, RawTensor> ReadFile(string path)
    {
        var bytes = File.ReadAllBytes(path);
        var length = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        using var json = JsonDocument.Parse(bytes.AsMemory(8, length));
        var tensors = new Dictionary<string, RawTensor>();
        foreach (var entry in json.RootElement.EnumerateObject().Where(entry => entry.Name != "__metadata__"))
        {
            var offsets = entry.Value.GetProperty("data_offsets");
            var (start, end) = (8 + length + offsets[0].GetInt32(), 8 + length + offsets[1].GetInt32());
            long[] shape = [.. entry.Value.GetProperty("shape").EnumerateArray().Select(dimension => dimension.GetInt64())];
            tensors[entry.Name] = new RawTensor(entry.Value.GetProperty("dtype").GetString()!, shape, bytes[start..end]);
        }

        return tensors;
    }
}
