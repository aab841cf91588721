using System.Buffers.Binary;
using System.Text.Json;

namespace MergeTasks.Bench.Engine;

/// <summary>A Llama with random weights, written as a checkpoint: its numbers mean nothing, its sizes and element type are real.</summary>
internal sealed record RandomLlama(
    int Layers, int Hidden, int Inner, int Heads, int KeyValueHeads, int Vocabulary, bool Tied, bool BFloat16)
{
    private const int BytesPerBlock = 1 << 20;

    private static readonly string[] Architectures = ["LlamaForCausalLM"];

    /// <summary>12 layers, hidden 768, inner 2048: the size whose speed is compared.</summary>
    public static RandomLlama Small { get; } = new(12, 768, 2048, 12, 12, 32000, Tied: false, BFloat16: false);

    /// <summary>The sizes of Llama 3.2 1B: 1.24 billion parameters.</summary>
    public static RandomLlama Billion { get; } = new(16, 2048, 8192, 32, 8, 128256, Tied: true, BFloat16: true);

    /// <summary>
    /// The sizes of SmolLM2 135M, with a key head for each query head and an output of its own, as the compared program has.
    /// </summary>
    public static RandomLlama Smol { get; } = new(30, 576, 1536, 9, 9, 49152, Tied: false, BFloat16: false);

    /// <summary>The sizes of Llama 2 7B: 6.7 billion parameters.</summary>
    public static RandomLlama SevenBillion { get; } = new(32, 4096, 11008, 32, 32, 32000, Tied: false, BFloat16: true);

    public long Parameters => Tensors().Sum(tensor => tensor.Shape.Aggregate(1L, (product, dimension) => product * dimension));

    /// <summary>Writes config.json and model.safetensors; an existing folder is taken as it is.</summary>
    public void Write(string folder)
    {
        var path = Path.Combine(folder, "model.safetensors");
        if (File.Exists(path))
            return;
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), JsonSerializer.Serialize(new Dictionary<string, object>
        {
            ["model_type"] = "llama",
            ["architectures"] = Architectures,
            ["hidden_size"] = Hidden,
            ["intermediate_size"] = Inner,
            ["num_hidden_layers"] = Layers,
            ["num_attention_heads"] = Heads,
            ["num_key_value_heads"] = KeyValueHeads,
            ["vocab_size"] = Vocabulary,
            ["max_position_embeddings"] = 2048,
            ["rms_norm_eps"] = 1e-5,
            ["tie_word_embeddings"] = Tied,
        }));
        WriteWeights(path + ".part");
        File.Move(path + ".part", path);
    }

    private void WriteWeights(string path)
    {
        var size = BFloat16 ? 2 : 4;
        var header = new Dictionary<string, object>();
        var offset = 0L;
        foreach (var (name, shape) in Tensors())
        {
            var end = offset + size * shape.Aggregate(1L, (product, dimension) => product * dimension);
            header[name] = new { dtype = BFloat16 ? "BF16" : "F32", shape, data_offsets = new[] { offset, end } };
            offset = end;
        }

        var text = JsonSerializer.SerializeToUtf8Bytes(header);
        var padded = new byte[8 + (text.Length + 7) / 8 * 8];
        padded.AsSpan(8).Fill((byte)' ');
        text.CopyTo(padded, 8);
        BinaryPrimitives.WriteInt64LittleEndian(padded, padded.Length - 8);
        using var file = File.Create(path);
        file.Write(padded);
        var random = new Random(1);
        var block = new byte[BytesPerBlock];
        foreach (var (name, shape) in Tensors())
        {
            var left = size * shape.Aggregate(1L, (product, dimension) => product * dimension);
            for (; left > 0; left -= block.Length)
            {
                Fill(block, random, shape.Length == 1);
                file.Write(block, 0, (int)Math.Min(left, block.Length));
            }
        }
    }

    // Norm weights around 1, all others uniform in ±0.035, which keeps the activations of a random model in a sane range.
    private void Fill(byte[] block, Random random, bool isNorm)
    {
        for (var at = 0; at < block.Length; at += BFloat16 ? 2 : 4)
        {
            var value = (isNorm ? 1 : 0) + (random.NextSingle() - 0.5f) * 0.07f;
            if (BFloat16)
                BinaryPrimitives.WriteUInt16LittleEndian(block.AsSpan(at), (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16));
            else
                BinaryPrimitives.WriteSingleLittleEndian(block.AsSpan(at), value);
        }
    }

    private IEnumerable<(string Name, long[] Shape)> Tensors()
    {
        var keys = Hidden / Heads * KeyValueHeads;
        yield return ("model.embed_tokens.weight", [Vocabulary, Hidden]);
        for (var layer = 0; layer < Layers; layer++)
        {
            var at = $"model.layers.{layer}";
            yield return ($"{at}.input_layernorm.weight", [Hidden]);
            yield return ($"{at}.self_attn.q_proj.weight", [Hidden, Hidden]);
            yield return ($"{at}.self_attn.k_proj.weight", [keys, Hidden]);
            yield return ($"{at}.self_attn.v_proj.weight", [keys, Hidden]);
            yield return ($"{at}.self_attn.o_proj.weight", [Hidden, Hidden]);
            yield return ($"{at}.post_attention_layernorm.weight", [Hidden]);
            yield return ($"{at}.mlp.gate_proj.weight", [Inner, Hidden]);
            yield return ($"{at}.mlp.up_proj.weight", [Inner, Hidden]);
            yield return ($"{at}.mlp.down_proj.weight", [Hidden, Inner]);
        }

        yield return ("model.norm.weight", [Hidden]);
        if (!Tied)
            yield return ("lm_head.weight", [Vocabulary, Hidden]);
    }
}
