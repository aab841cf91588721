using MergeTasks.Gguf.Format;
using MergeTasks.Gguf.Quantization;
using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Gguf.Models;

/// <summary>
/// Writes latent attention (arXiv 2405.04434) as its readers want it: the matrix that makes keys and values of their latent is cut into
/// each head's two parts, of which that of the keys is turned, so that scores are products with the latent itself.
/// </summary>
/// <param name="epsilon">Of all norms, which readers have one number for.</param>
/// <param name="architecture">What readers compute.</param>
/// <param name="names">Finds tensors.</param>
/// <param name="list">Gets the tensors.</param>
/// <param name="metadata">Gets the keys.</param>
internal sealed class LatentExport(
    double epsilon, GgufArchitecture architecture, ITensorNames names, TensorList list, GgufMetadata metadata)
{
    // Without a latent of queries, readers know the model by its number of layers.
    private static readonly int[] LayersWithoutQueryLatent = [26, 27];

    /// <summary>Writes the keys that all layers share.</summary>
    public void WriteKeys(IReadOnlyList<AttentionSpec> layers)
    {
        var first = layers[0];
        var latent = first.Latent!;
        if ((latent.QueryDown is null) != LayersWithoutQueryLatent.Contains(layers.Count))
            throw GgufModel.Refusal(
                architecture, $"attention {(latent.QueryDown is null ? "without" : "with")} q_lora_rank in a model of {layers.Count} layers");
        Key("attention.head_count_kv", 1);
        Key("attention.key_length", latent.Norm.Width + latent.Rotated);
        Key("attention.value_length", latent.Norm.Width);
        Key("attention.key_length_mla", first.HeadSize);
        Key("attention.value_length_mla", first.ValueSize);
        Key("attention.kv_lora_rank", latent.Norm.Width);
        if (latent.QueryNorm is { } query)
            Key("attention.q_lora_rank", query.Width);
    }

    /// <summary>Writes one layer's queries, keys and values.</summary>
    public void Write(string at, int layer, AttentionSpec attention)
    {
        var latent = attention.Latent!;
        var (width, plain, value) = (latent.Norm.Width, latent.Plain, attention.ValueSize);
        if (latent.Norm.Epsilon != epsilon || (latent.QueryNorm is { } norm && norm.Epsilon != epsilon))
            throw GgufModel.Refusal(architecture, "norms of latents with another epsilon (rms_norm_eps other than 1e-6)");
        if (new[] { latent.QueryDown, latent.QueryUp, latent.Down, latent.Up, attention.Output }.Any(linear => linear?.Bias == true))
            throw GgufModel.Refusal(architecture, "biases in its attention (attention_bias)");
        if (latent.QueryDown is { } down)
        {
            list.Linear($"{at}.attn_q_a", MatrixRole.Plain, layer, down);
            list.Norm($"{at}.attn_q_a_norm", latent.QueryNorm!);
            list.Linear($"{at}.attn_q_b", MatrixRole.Plain, layer, latent.QueryUp);
        }
        else
        {
            list.Linear($"{at}.attn_q", MatrixRole.Plain, layer, latent.QueryUp);
        }

        list.Linear($"{at}.attn_kv_a_mqa", MatrixRole.Plain, layer, latent.Down);
        list.Norm($"{at}.attn_kv_a_norm", latent.Norm);
        var up = names.Find([latent.Up.Weight], null, attention.Heads * (plain + value), width);
        var heads = Enumerable.Range(0, attention.Heads).Select(head => (long)head * (plain + value) * width).ToList();
        list.Matrix(
            $"{at}.attn_k_b.weight", MatrixRole.Plain, layer, true,
            [.. heads.Select(first => new MatrixPart(up, first, width, plain) { StoredColumns = width })]);
        list.Matrix(
            $"{at}.attn_v_b.weight", MatrixRole.Value, layer, true,
            [.. heads.Select(first => new MatrixPart(up, first + ((long)plain * width), value, width))]);
    }

    private void Key(string name, int value) => metadata.Add($"{architecture.Name}.{name}", value);
}
