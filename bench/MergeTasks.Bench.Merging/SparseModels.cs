using MergeTasks.Caching;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Merging.Inputs;

namespace MergeTasks.Bench.Merging;

/// <summary>Models of any size whose files take no room on the disk: headers, and then nothing, which reads as zeros.</summary>
internal static class SparseModels
{
    /// <summary>The tensors of Llama 3 70B: 80 layers of 8192, inner 28672, 8 heads of keys and values, 128,256 tokens; 141 GB.</summary>
    public static IEnumerable<TensorSpec> Llama70B()
    {
        const int layers = 80, hidden = 8192, inner = 28672, keys = 1024, vocabulary = 128256;
        yield return Of("model.embed_tokens.weight", vocabulary, hidden);
        for (var layer = 0; layer < layers; layer++)
        {
            var name = FormattableString.Invariant($"model.layers.{layer}.");
            yield return Of(name + "input_layernorm.weight", hidden);
            yield return Of(name + "self_attn.q_proj.weight", hidden, hidden);
            yield return Of(name + "self_attn.k_proj.weight", keys, hidden);
            yield return Of(name + "self_attn.v_proj.weight", keys, hidden);
            yield return Of(name + "self_attn.o_proj.weight", hidden, hidden);
            yield return Of(name + "post_attention_layernorm.weight", hidden);
            yield return Of(name + "mlp.gate_proj.weight", inner, hidden);
            yield return Of(name + "mlp.up_proj.weight", inner, hidden);
            yield return Of(name + "mlp.down_proj.weight", hidden, inner);
        }

        yield return Of("model.norm.weight", hidden);
        yield return Of("lm_head.weight", vocabulary, hidden);

        static TensorSpec Of(string name, params long[] shape) => new(name, DType.BF16, shape);
    }

    /// <summary>Writes a model.</summary>
    public static void Write(string folder, IReadOnlyList<Shard> shards)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), """{"model_type": "llama", "torch_dtype": "bfloat16"}""");
        foreach (var shard in shards)
        {
            using var file = File.OpenHandle(Path.Combine(folder, shard.FileName), FileMode.CreateNew, FileAccess.Write);
            RandomAccess.Write(file, shard.Header, 0);
            RandomAccess.SetLength(file, shard.Length);
        }

        if (shards.Count == 1)
            return;
        var map = shards.SelectMany(shard => shard.Tensors.Select(tensor => $"\"{tensor.Name}\":\"{shard.FileName}\""));
        File.WriteAllText(
            Path.Combine(folder, "model.safetensors.index.json"), "{\"metadata\":{},\"weight_map\":{" + string.Join(',', map) + "}}");
    }

    /// <summary>Puts digests into a cache as if the files had been read: reading 141 GB is not what is measured.</summary>
    public static void Remember(string folder, string cacheFolder)
    {
        var memo = new DigestMemo(cacheFolder);
        foreach (var path in Directory.GetFiles(folder, "*.safetensors"))
        {
            using var file = SafetensorsFile.Open(path);
            var parts = WeightParts.Of(file).ToDictionary(part => part.Name, part => ContentDigest.Of($"{folder} {part.Name}"));
            var stamp = FileStamp.Of(path)!.Value;
            stamp.Settle();
            memo.Remember(path, DigestKind.Sha256, new FileDigests(stamp, FileStamp.Now, parts));
        }
    }
}
