using System.Text;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;

namespace MergeTasks.Bench.Merging;

/// <summary>
/// Checkpoints that look like a fine-tuned family: bf16 tensors of a Llama-like transformer (hidden 2048), normal weights,
/// and models that differ from the base by small normal noise, so that deltas repeat as they do in real bf16 fine-tunes.
/// </summary>
internal sealed class GeneratedModels
{
    public const string Base = "base";

    private const int Hidden = 2048;
    private const int Feed = 5632;
    private const int Vocabulary = 32000;
    private const float WeightScale = 0.02f;
    private const float DeltaScale = 0.0005f;
    private const int PieceElements = 1 << 20;

    private static readonly Lazy<float[]> Normal = new(NormalTable);

    private readonly Shard _shard;
    private readonly string _folder;

    public GeneratedModels(string folder, long bytes)
    {
        _folder = folder;
        _shard = ShardLayout.Plan(Tensors(bytes), 0)[0];
    }

    public static IReadOnlyList<string> Models { get; } = ["first", "second", "third"];

    /// <summary>Bytes of one checkpoint's weight file.</summary>
    public long Length => _shard.Length;

    public string Folder(string model) => Path.Combine(_folder, "models", model);

    public string WeightFile(string model) => Path.Combine(Folder(model), _shard.FileName);

    /// <summary>Writes all checkpoints; they are on the disk and, memory permitting, in the page cache afterwards.</summary>
    public void Write()
    {
        Write(Base, 0);
        for (var i = 0; i < Models.Count; i++)
            Write(Models[i], (ulong)i + 1);
    }

    private void Write(string model, ulong variant)
    {
        Directory.CreateDirectory(Folder(model));
        File.WriteAllText(Path.Combine(Folder(model), "config.json"), """{"model_type": "llama", "torch_dtype": "bfloat16"}""");
        using var file = File.OpenHandle(WeightFile(model), FileMode.CreateNew, FileAccess.Write, preallocationSize: _shard.Length);
        RandomAccess.Write(file, _shard.Header, 0);
        foreach (var tensor in _shard.Tensors)
        {
            Parallel.For(0, (tensor.ElementCount + PieceElements - 1) / PieceElements, piece =>
            {
                var start = piece * PieceElements;
                var bytes = Piece(tensor, start, variant);
                RandomAccess.Write(file, bytes, tensor.Offset + (start * sizeof(ushort)));
            });
        }

        RandomAccess.FlushToDisk(file);
    }

    private static byte[] Piece(TensorInfo tensor, long start, ulong variant)
    {
        var values = new float[Math.Min(PieceElements, tensor.ElementCount - start)];
        var key = BitConverter.ToUInt64(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes($"{tensor.Name} {start}")));
        Add(values, WeightScale, key);
        if (variant > 0)
            Add(values, DeltaScale, key + variant);
        var bytes = new byte[values.Length * sizeof(ushort)];
        ElementConversion.FromSingle(DType.BF16, values, bytes);
        return bytes;
    }

    private static void Add(float[] values, float scale, ulong seed)
    {
        var (state, normal) = ((seed * 0x9E3779B97F4A7C15) | 1, Normal.Value);
        for (var i = 0; i < values.Length; i++)
        {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            values[i] += scale * normal[state >> 48];
        }
    }

    private static List<TensorSpec> Tensors(long bytes)
    {
        var tensors = new List<TensorSpec>
        {
            Tensor("model.embed_tokens.weight", Vocabulary, Hidden),
            Tensor("model.norm.weight", Hidden),
            Tensor("lm_head.weight", Vocabulary, Hidden)
        };
        for (var layer = 0; layer == 0 || SizeOf(tensors) < bytes; layer++)
        {
            tensors.AddRange("qkvo".Select(name => Tensor($"model.layers.{layer}.self_attn.{name}_proj.weight", Hidden, Hidden)));
            tensors.Add(Tensor($"model.layers.{layer}.mlp.gate_proj.weight", Feed, Hidden));
            tensors.Add(Tensor($"model.layers.{layer}.mlp.up_proj.weight", Feed, Hidden));
            tensors.Add(Tensor($"model.layers.{layer}.mlp.down_proj.weight", Hidden, Feed));
            tensors.Add(Tensor($"model.layers.{layer}.input_layernorm.weight", Hidden));
            tensors.Add(Tensor($"model.layers.{layer}.post_attention_layernorm.weight", Hidden));
        }

        return tensors;
    }

    private static long SizeOf(IEnumerable<TensorSpec> tensors) =>
        tensors.Sum(tensor => tensor.Shape.Aggregate(2L, (product, dimension) => product * dimension));

    private static TensorSpec Tensor(string name, params long[] shape) => new(name, DType.BF16, shape);

    // Sums of twelve uniform numbers, near enough to a normal distribution.
    private static float[] NormalTable()
    {
        var random = new Random(1);
        return [.. Enumerable.Range(0, 1 << 16).Select(_ => (float)(Enumerable.Range(0, 12).Sum(_ => random.NextDouble()) - 6))];
    }
}
