using MergeTasks.Gguf.Format;
using MergeTasks.Gguf.Quantization;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Gguf.Models;

/// <summary>
/// Writes a decoder's keys and tensors. It goes by the description that the engine runs, so what the engine computes and the architecture's
/// graph does not is seen here and refused.
/// </summary>
/// <param name="config">The configuration, for rotary settings as they were given.</param>
/// <param name="spec">What the model computes.</param>
/// <param name="architecture">What readers compute.</param>
/// <param name="names">Finds tensors.</param>
/// <param name="list">Gets the tensors.</param>
/// <param name="metadata">Gets the keys.</param>
internal sealed class DecoderExport(
    ConfigReader config, TransformerSpec spec, GgufArchitecture architecture, ITensorNames names, TensorList list,
    GgufMetadata metadata)
{
    private readonly IReadOnlyList<AttentionSpec> _attentions =
    [
        .. spec.Layers.Select(layer =>
            layer.Attention as AttentionSpec ?? throw GgufModel.Refusal(architecture, "mixer of positions but attention")),
    ];

    /// <summary>Writes all of it.</summary>
    public void Write()
    {
        var first = _attentions[0];
        var head = spec.Head;
        Require(head is { Dense: null, Output.Bias: false, Norm: { Bias: false } }, "such head");
        Require(_attentions.All(attention => (attention.Heads, attention.KeyValueHeads, attention.HeadSize)
            == (first.Heads, first.KeyValueHeads, first.HeadSize)), "layers with different heads");
        var windows = new WindowExport(architecture, _attentions);
        Key("block_count", spec.Layers.Count);
        Key("context_length", Math.Min(spec.MaximumPositions, windows.Context));
        Key("embedding_length", spec.Embedding.Width);
        Key("attention.head_count", first.Heads);
        var latents = new LatentExport(spec.Head.Norm!.Epsilon, architecture, names, list, metadata);
        Require(_attentions.All(attention => attention.Latent is not null == architecture.IsLatent), "such attention");
        if (architecture.IsLatent)
        {
            latents.WriteKeys(_attentions);
        }
        else
        {
            Key("attention.head_count_kv", first.KeyValueHeads);
            Key("attention.key_length", first.HeadSize);
            Key("attention.value_length", first.ValueSize);
        }

        metadata.Add($"{architecture.Name}.attention.layer_norm_rms_epsilon", spec.Head.Norm!.Epsilon);
        Key("vocab_size", spec.Embedding.Vocabulary);
        windows.Write(metadata);
        WriteFactors(first);
        new RopeExport(config, architecture, list, metadata, spec.MaximumPositions).Write(_attentions);
        new FeedForwardExport(architecture, names, list, metadata).WriteKeys(spec.Layers);

        Action<string, int, AttentionSpec> writeAttention = architecture.IsLatent ? latents.Write : WriteAttention;
        list.Matrix("token_embd.weight", IsTied ? MatrixRole.Head : MatrixRole.Plain, 0, false, Table());
        for (var i = 0; i < spec.Layers.Count; i++)
            WriteLayer(i, spec.Layers[i], _attentions[i], writeAttention);
        list.Norm("output_norm", spec.Head.Norm);
        if (!IsTied)
        {
            Require(!architecture.HeadIsTable, "head that is not the token table");
            list.Linear("output", MatrixRole.Head, 0, head.Output);
        }
        else if (architecture.NeedsHead)
        {
            list.Matrix("output.weight", MatrixRole.Head, 0, false, Table());
        }
    }

    private bool IsTied => spec.Head.Output.Weight == spec.Embedding.Token;

    private MatrixPart Table() => list.Table(spec.Embedding.Token, spec.Embedding.Vocabulary, spec.Embedding.Width);

    private void WriteFactors(AttentionSpec first)
    {
        var embedding = spec.Embedding;
        Require(
            embedding is { Positions: null, Types: null, Norm: null, Projection: null, LayerTable: null, Streams: null }, "such embedding");
        var scale = architecture.ScalesEmbedding ? embedding.Scale / MathF.Sqrt(embedding.Width) : embedding.Scale;
        if (architecture.HasFactors)
        {
            metadata.Add($"{architecture.Name}.embedding_scale", embedding.Scale);
            metadata.Add($"{architecture.Name}.residual_scale", spec.Layers[0].AttentionFactor);
            metadata.Add($"{architecture.Name}.logit_scale", 1 / spec.Head.ScoreFactor);
        }
        else
        {
            Require(MathF.Abs(scale - 1) < 1e-6f, "such factor of embeddings");
            Require(spec.Head.ScoreFactor == 1, "factor of logits");
        }

        Require(spec.Layers.All(layer => layer.AttentionFactor == layer.FeedForwardFactor
            && layer.AttentionFactor == (architecture.HasFactors ? spec.Layers[0].AttentionFactor : 1)
            && layer is { AttentionStreamFactor: 1, FeedForwardStreamFactor: 1 }), "such factors of residuals");
        Require(_attentions.All(attention => attention.ScoreCap == first.ScoreCap), "different caps of scores");
        Require(architecture.HasCaps || (first.ScoreCap, spec.Head.ScoreCap) == (null, null), "caps of scores");
        if (architecture.HasCaps)
        {
            // Their readers always cap; a cap this high changes no score that a model gives.
            metadata.Add($"{architecture.Name}.attn_logit_softcapping", first.ScoreCap ?? 1e6);
            metadata.Add($"{architecture.Name}.final_logit_softcapping", spec.Head.ScoreCap ?? 1e6);
        }

        Require(_attentions.All(attention => attention.Scale == first.Scale), "different scales of scores");
        if (architecture.HasScale)
            metadata.Add($"{architecture.Name}.attention.scale", first.Scale);
    }

    private void WriteLayer(
        int index, LayerSpec layer, AttentionSpec attention, Action<string, int, AttentionSpec> writeAttention)
    {
        var at = $"blk.{index}";
        Require(layer.Layout == ResidualLayout.Sequential && layer is
        {
            AttentionNorm: not null, FeedForwardNorm: not null, LayerInput: null, Scalar: null, Alternating: null,
        }, "such layer");
        Require(attention is
        {
            Causal: true, Bias: null, Clip: null, Chunk: null, Gate: null, QueryFactor: null, NormsAfterRope: false,
            ValueNorm: null, ValuesAreKeys: false, Gives: null, Takes: null,
        }
            && (architecture.IsLatent || (attention.RopeOffset == 0 && attention.ValueSize == attention.HeadSize)), "such attention");
        Require((attention.Sinks is not null) == architecture.HasSinks, architecture.HasSinks ? "attention without sinks" : "sinks");
        list.Norm($"{at}.attn_norm", layer.AttentionNorm!);
        writeAttention(at, index, attention);
        list.Linear($"{at}.attn_output", MatrixRole.Plain, index, attention.Output);
        if (attention.Sinks is { } sinks)
            list.Vector($"{at}.attn_sinks.weight", list.VectorPart([sinks], attention.Heads));
        var hasOutputNorms = (layer.AttentionOutputNorm is not null, layer.FeedForwardOutputNorm is not null);
        Require(hasOutputNorms == (architecture.HasOutputNorms, architecture.HasOutputNorms), "such norms after a layer's parts");
        if (architecture.HasOutputNorms)
        {
            list.Norm($"{at}.post_attention_norm", layer.AttentionOutputNorm!);
            list.Norm($"{at}.post_ffw_norm", layer.FeedForwardOutputNorm!);
        }

        list.Norm($"{at}.{architecture.FeedForwardNorm}", layer.FeedForwardNorm!);
        new FeedForwardExport(architecture, names, list, metadata).Write(at, index, layer.FeedForward);
    }

    private void WriteAttention(string at, int layer, AttentionSpec attention)
    {
        var biases = attention.Projections.Any(projection => projection.Bias);
        Require(!biases || architecture.Biases.HasFlag(GgufBiases.Input), "biases of queries, keys and values");
        Require(!attention.Output.Bias || architecture.Biases.HasFlag(GgufBiases.Output), "bias of the attention's output");
        Require(
            (attention.QueryNorm is not null, attention.KeyNorm is not null) == (architecture.HasHeadNorms, architecture.HasHeadNorms),
            architecture.HasHeadNorms ? "attention without norms of queries and keys" : "norms of queries and keys");

        // Where no key gives the factor of scores, it goes into the queries: into their norm, or their matrix.
        var factor = architecture.HasScale ? 1 : attention.Scale / ScaleOf(attention);
        if (Math.Abs(factor - 1) < 1e-6)
            factor = 1;
        var inHead = InHead(attention);
        if (architecture.IsFused)
        {
            Require(attention.Heads * attention.HeadSize == spec.Embedding.Width && factor == 1 && !biases, "such attention");
            list.Matrix(
                $"{at}.attn_qkv.weight", MatrixRole.Value, layer, false,
                Heads(attention.Query, attention.Heads), Heads(attention.Key, attention.KeyValueHeads),
                Heads(attention.Value, attention.KeyValueHeads));
        }
        else
        {
            Write("attn_q", MatrixRole.Plain, attention.Query, attention.Heads, inHead, architecture.HasHeadNorms ? 1 : factor);
            Write("attn_k", MatrixRole.Plain, attention.Key, attention.KeyValueHeads, inHead);
            Write("attn_v", MatrixRole.Value, attention.Value, attention.KeyValueHeads, null);
        }

        if (architecture.HasHeadNorms)
        {
            Require(
                (attention.QueryNorm!.Scope, attention.KeyNorm!.Scope) == (HeadNormScope.EachHead, HeadNormScope.EachHead), "such norms");
            list.Norm($"{at}.attn_q_norm", attention.QueryNorm.Norm, inHead, factor);
            list.Norm($"{at}.attn_k_norm", attention.KeyNorm.Norm, inHead);
        }

        MatrixPart Heads(HeadChannels channels, int count) => list.Rows(
            attention.Projections[channels.Projection], 0, count * attention.HeadSize, RowOf(attention, channels, null));

        void Write(string name, MatrixRole role, HeadChannels channels, int count, Func<int, int>? inside, double scale = 1)
        {
            var (projection, rows) = (attention.Projections[channels.Projection], count * attention.HeadSize);
            var rowOf = RowOf(attention, channels, inside);
            list.Matrix($"{at}.{name}.weight", role, layer, false, list.Rows(projection, 0, rows, rowOf) with { Factor = (float)scale });
            if (projection.Bias)
                list.Vector($"{at}.{name}.bias", list.BiasPart(projection, rows, rowOf) with { Factor = (float)scale });
        }
    }

    private static Func<int, int> RowOf(AttentionSpec attention, HeadChannels channels, Func<int, int>? inside) => row =>
    {
        var (head, channel) = Math.DivRem(row, attention.HeadSize);
        return channels.Of(head) + (inside?.Invoke(channel) ?? channel);
    };

    // Which channel of a head stands at a place where neighbours are rotated together.
    private Func<int, int>? InHead(AttentionSpec attention)
    {
        if (attention.Rope is not { } rope || rope.Interleaved == architecture.PairsNeighbours)
            return null;
        Require(architecture.PairsNeighbours, "rotation of neighbouring channels");
        var rotated = rope.Dimensions;
        Require(rotated == attention.HeadSize, "heads of which a part is rotated");
        return channel => channel / 2 + channel % 2 * (rotated / 2);
    }

    // What the graph multiplies scores by: for two sizes of Gemma, known by their number of layers, it is not the head's.
    private double ScaleOf(AttentionSpec attention) => 1 / Math.Sqrt(
        (architecture.Name, spec.Layers.Count) is ("gemma2", 46) or ("gemma3", 62)
            ? spec.Embedding.Width / attention.Heads : attention.HeadSize);

    private void Key(string name, int value) => metadata.Add($"{architecture.Name}.{name}", value);

    private void Require(bool condition, string what)
    {
        if (!condition)
            throw GgufModel.Refusal(architecture, what);
    }
}
