using System.Runtime.InteropServices;

namespace MergeTasks.TestSupport;

/// <summary>Checkpoints of gigabytes, of one tensor per 256 MiB.</summary>
internal static class LargeCheckpoint
{
    private const long Rows = 16_384;
    private const long Columns = 8_192;
    private const int TensorLength = (int)(2 * Rows * Columns);

    /// <summary>A bf16 model whose file is one hole: as large as any to whoever reads it, and nothing on the disk.</summary>
    public static void WriteHollow(string folder, int tensors) =>
        Write(folder, tensors, (file, length) => file.SetLength(file.Position + length));

    /// <summary>A bf16 model of random numbers between ½ and 2 of either sign.</summary>
    public static void WriteRandom(string folder, int tensors, int seed)
    {
        var random = new Random(seed);
        var piece = new byte[1 << 20];
        Write(folder, tensors, (file, length) =>
        {
            for (; length > 0; length -= piece.Length)
            {
                random.NextBytes(piece);
                foreach (ref var element in MemoryMarshal.Cast<byte, ushort>(piece.AsSpan()))
                    element = (ushort)((element & 0x80FF) | 0x3F00);
                file.Write(piece);
            }
        });
    }

    private static void Write(string folder, int tensors, Action<FileStream, long> content)
    {
        var entries = Enumerable.Range(0, tensors).Select(i =>
            $$"""
            "model.layers.{{i}}.weight":{"dtype":"BF16","shape":[{{Rows}},{{Columns}}],"data_offsets":[{{(long)i * TensorLength}},{{(i + 1L) * TensorLength}}]}
            """);
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), """{"model_type": "llama", "torch_dtype": "bfloat16"}""");
        var path = Path.Combine(folder, "model.safetensors");
        TestCheckpoint.WriteRaw(path, "{" + string.Join(',', entries) + "}", []);
        using var file = new FileStream(path, FileMode.Append);
        content(file, (long)tensors * TensorLength);
    }
}
