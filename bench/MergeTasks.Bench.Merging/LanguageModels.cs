using System.Numerics.Tensors;
using System.Text.Json.Nodes;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Metrics;
using MergeTasks.Transformers.Processor;
using MergeTasks.Transformers.Tokenization;

namespace MergeTasks.Bench.Merging;

/// <summary>
/// A base of random weights in the shape of SmolLM2-135M (30 layers, hidden 576, 9 heads of which 3 have keys, inner 1536, 49,152 tokens,
/// tied head, bf16) and three models that one step along the gradient of their task made from it, with the trained models' tokenizer and
/// data: what scoring takes depends on shapes and tokens, and there is a gain that changes can keep.
/// </summary>
internal static class LanguageModels
{
    public static readonly string[] Tuned = ["kind", "close", "first"];

    private const int Layers = 30, Hidden = 576, KeyChannels = 192, Inner = 1536, Vocabulary = 49152;

    // Of a change, as a share of its tensor's root mean square: about one step of bf16, as in a real fine-tune.
    private const float Step = 0.004f;

    /// <summary>Writes all of them.</summary>
    /// <param name="folder">A new folder.</param>
    /// <param name="pattern">The trained models.</param>
    public static void Write(string folder, string pattern)
    {
        var random = new Random(1);
        Write(folder, pattern, "base", tensor =>
        {
            var values = new float[tensor.ElementCount];
            foreach (ref var value in values.AsSpan())
                value = tensor.Shape.Count == 1 ? 1 : (random.NextSingle() - 0.5f) * 0.14f;
            return values;
        });
        Directory.CreateDirectory(Path.Combine(folder, "data"));
        foreach (var file in Directory.EnumerateFiles(Path.Combine(pattern, "data")))
            File.Copy(file, Path.Combine(folder, "data", Path.GetFileName(file)));
        using var model = new CpuEngine().Load(Path.Combine(folder, "base"));
        var text = new TextModel(model, Tokenizer.Load(Path.Combine(folder, "base", "tokenizer.json")));
        foreach (var task in Tuned)
        {
            var gradient = new Gradient(model);
            foreach (var sample in JsonLines.ReadTasks(Path.Combine(folder, "data", task + ".jsonl")).Select(text.Prepare))
                model.Backward(new TokenBatch(new TokenSequence(sample.Ids)), [.. sample.Targets(0)], gradient);
            Write(folder, pattern, task, tensor =>
            {
                var (values, slope) = (new float[tensor.ElementCount], gradient.Of(tensor.Name));
                model.Parameters[tensor.Name].CopyTo(0, values);
                var (size, steepness) = (Size(values), Size(slope));
                for (var i = 0; i < values.Length && steepness > 0; i++)
                    values[i] += Step * size * slope[i] / steepness;
                return values;
            });
        }
    }

    private static float Size(ReadOnlySpan<float> values) => MathF.Sqrt(TensorPrimitives.SumOfSquares(values) / values.Length);

    private static void Write(string folder, string pattern, string model, Func<TensorInfo, float[]> values)
    {
        var own = Directory.CreateDirectory(Path.Combine(folder, model)).FullName;
        File.Copy(Path.Combine(pattern, "base", "tokenizer.json"), Path.Combine(own, "tokenizer.json"));
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(pattern, "base", "config.json")))!.AsObject();
        (config["hidden_size"], config["intermediate_size"], config["num_hidden_layers"]) = (Hidden, Inner, Layers);
        (config["num_attention_heads"], config["num_key_value_heads"], config["head_dim"]) = (9, 3, Hidden / 9);
        (config["vocab_size"], config["max_position_embeddings"]) = (Vocabulary, 8192);
        File.WriteAllText(Path.Combine(own, "config.json"), config.ToJsonString());
        var shard = ShardLayout.Plan(Tensors(Layers, Vocabulary, Hidden, KeyChannels, Inner), 0)[0];
        using var file = File.OpenHandle(
            Path.Combine(own, shard.FileName), FileMode.CreateNew, FileAccess.Write, preallocationSize: shard.Length);
        RandomAccess.Write(file, shard.Header, 0);
        foreach (var tensor in shard.Tensors)
        {
            var bytes = new byte[tensor.ByteLength];
            ElementConversion.FromSingle(DType.BF16, values(tensor), bytes);
            RandomAccess.Write(file, bytes, tensor.Offset);
        }
    }

    /// <summary>The tensors of a model of Llama's shape with tied embeddings.</summary>
    internal static IEnumerable<TensorSpec> Tensors(int layers, long vocabulary, int hidden, int keyChannels, int inner)
    {
        yield return Tensor("model.embed_tokens.weight", vocabulary, hidden);
        yield return Tensor("model.norm.weight", hidden);
        for (var layer = 0; layer < layers; layer++)
        {
            var at = $"model.layers.{layer}";
            yield return Tensor($"{at}.self_attn.q_proj.weight", hidden, hidden);
            yield return Tensor($"{at}.self_attn.k_proj.weight", keyChannels, hidden);
            yield return Tensor($"{at}.self_attn.v_proj.weight", keyChannels, hidden);
            yield return Tensor($"{at}.self_attn.o_proj.weight", hidden, hidden);
            yield return Tensor($"{at}.mlp.gate_proj.weight", inner, hidden);
            yield return Tensor($"{at}.mlp.up_proj.weight", inner, hidden);
            yield return Tensor($"{at}.mlp.down_proj.weight", hidden, inner);
            yield return Tensor($"{at}.input_layernorm.weight", hidden);
            yield return Tensor($"{at}.post_attention_layernorm.weight", hidden);
        }
    }

    private static TensorSpec Tensor(string name, params long[] shape) => new(name, DType.BF16, shape);

    private sealed class Gradient(ITransformerModel model) : IGradientReceiver
    {
        private readonly Dictionary<string, float[]> _sums = model.Parameters.ToDictionary(
            parameter => parameter.Key, parameter => new float[parameter.Value.ElementCount]);

        public float[] Of(string parameter) => _sums[parameter];

        public void Receive(in GradientPiece piece)
        {
            var own = _sums[piece.Parameter].AsSpan((int)(piece.FirstRow * piece.Shape.RowLength()), piece.Values.Length);
            TensorPrimitives.Add(own, piece.Values, own);
        }
    }
}
