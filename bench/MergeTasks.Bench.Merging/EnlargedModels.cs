using System.Text.Json.Nodes;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;

namespace MergeTasks.Bench.Merging;

/// <summary>
/// The trained models' tokenizer and data with random weights of a size at which the passes, and not what surrounds them, take the time:
/// 8 layers, hidden 1024, 95 million parameters. Removed when disposed.
/// </summary>
internal sealed class EnlargedModels : IDisposable
{
    private const int Layers = 8;
    private const int Hidden = 1024;
    private const int Inner = 2816;
    private const int KeptSamples = 24;
    private const int KeptDocuments = 160;

    public EnlargedModels(string pattern)
    {
        Folder = Directory.CreateTempSubdirectory("mergetasks-bench-models-").FullName;
        foreach (var (model, seed) in new[] { ("base", 1), ("code", 2), ("math", 3) })
            Write(pattern, model, seed);
        Directory.CreateDirectory(Path.Combine(Folder, "data"));
        foreach (var file in Directory.EnumerateFiles(Path.Combine(pattern, "data")))
            File.WriteAllLines(
                Path.Combine(Folder, "data", Path.GetFileName(file)),
                File.ReadLines(file).Take(file.EndsWith("calibration.jsonl", StringComparison.Ordinal) ? KeptDocuments : KeptSamples));
    }

    public string Folder { get; }

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private void Write(string pattern, string model, int seed)
    {
        var folder = Directory.CreateDirectory(Path.Combine(Folder, model)).FullName;
        File.Copy(Path.Combine(pattern, model, "tokenizer.json"), Path.Combine(folder, "tokenizer.json"));
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(pattern, model, "config.json")))!.AsObject();
        (config["hidden_size"], config["intermediate_size"], config["num_hidden_layers"]) = (Hidden, Inner, Layers);
        (config["num_attention_heads"], config["num_key_value_heads"], config["head_dim"]) = (16, 16, Hidden / 16);
        File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJsonString());
        var shard = ShardLayout.Plan(LanguageModels.Tensors(Layers, (long)config["vocab_size"]!, Hidden, Hidden, Inner), 0)[0];
        using var file = File.OpenHandle(
            Path.Combine(folder, shard.FileName), FileMode.CreateNew, FileAccess.Write, preallocationSize: shard.Length);
        RandomAccess.Write(file, shard.Header, 0);
        var random = new Random(seed);
        foreach (var tensor in shard.Tensors)
        {
            var values = new float[tensor.ElementCount];
            foreach (ref var value in values.AsSpan())
                value = (tensor.Shape.Count == 1 ? 1 : 0) + ((random.NextSingle() - 0.5f) * 0.07f);
            var bytes = new byte[tensor.ByteLength];
            ElementConversion.FromSingle(DType.BF16, values, bytes);
            RandomAccess.Write(file, bytes, tensor.Offset);
        }
    }
}
