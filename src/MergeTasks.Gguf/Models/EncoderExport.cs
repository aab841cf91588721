using MergeTasks.Gguf.Format;
using MergeTasks.Gguf.Quantization;
using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Gguf.Models;

/// <summary>
/// Writes an encoder of BERT's kind. Of a masked language model readers make vectors of texts, so its head stays behind; a classifier's
/// head is written, and scores a text.
/// </summary>
/// <param name="spec">What the model computes.</param>
/// <param name="architecture">What readers compute.</param>
/// <param name="list">Gets the tensors.</param>
/// <param name="metadata">Gets the keys.</param>
internal sealed class EncoderExport(TransformerSpec spec, GgufArchitecture architecture, TensorList list, GgufMetadata metadata)
{
    // What readers make of a text's vectors.
    private const int PoolsMean = 1;
    private const int Ranks = 4;

    /// <summary>Writes all of it.</summary>
    public void Write()
    {
        var embedding = spec.Embedding;
        var isClassifier = spec.Task == ModelTask.SequenceClassification;
        Require(embedding is { Positions: { CountedFrom: null, First: 0 }, Norm: not null, Projection: null, Scale: 1 }, "such embedding");
        Key("block_count", spec.Layers.Count);
        Key("context_length", spec.MaximumPositions);
        Key("embedding_length", embedding.Width);
        Key("feed_forward_length", ((MlpSpec)spec.Layers[0].FeedForward).Down.Inputs);
        Key("attention.head_count", ((AttentionSpec)spec.Layers[0].Attention).Heads);
        metadata.Add($"{architecture.Name}.attention.layer_norm_epsilon", embedding.Norm!.Epsilon);
        metadata.Add($"{architecture.Name}.attention.causal", false);
        Key("pooling_type", isClassifier ? Ranks : PoolsMean);
        Key("vocab_size", embedding.Vocabulary);
        if (isClassifier)
            metadata.Add($"{architecture.Name}.classifier.output_labels", [.. spec.Labels]);
        if (embedding.Types is { } types)
            metadata.Add("tokenizer.ggml.token_type_count", types.Rows);

        list.Matrix(
            "token_embd.weight", MatrixRole.Plain, 0, false, list.Table(embedding.Token, embedding.Vocabulary, embedding.Width));
        list.Matrix(
            "position_embd.weight", MatrixRole.Exact, 0, false,
            list.Table(embedding.Positions!.Parameter, embedding.Positions.Rows, embedding.Width));
        if (embedding.Types is { } table)
            list.Matrix("token_types.weight", MatrixRole.Exact, 0, false, list.Table(table.Parameter, table.Rows, embedding.Width));
        list.Norm("token_embd_norm", embedding.Norm);
        for (var i = 0; i < spec.Layers.Count; i++)
            WriteLayer(i, spec.Layers[i]);
        if (!isClassifier)
            return;
        Require(
            spec.Head is { FirstTokenOnly: true, Norm: null, Dense: not null, DenseActivation: ActivationKind.Tanh }, "such classifier");
        list.Linear("cls", MatrixRole.Exact, 0, spec.Head.Dense!);
        list.Linear("cls.output", MatrixRole.Exact, 0, spec.Head.Output);
    }

    private void WriteLayer(int index, LayerSpec layer)
    {
        var at = $"blk.{index}";
        var attention = (AttentionSpec)layer.Attention;
        var part = (MlpSpec)layer.FeedForward;
        Require(layer.Layout == ResidualLayout.NormAfterAddition && attention is { Causal: false, Rope: null, Window: null }, "such layer");
        Require(part is { Gate: null, GateInUp: GatePlace.None } && part.Activation == architecture.Activation, "such activation");
        list.Linear($"{at}.attn_q", MatrixRole.Plain, index, attention.Projections[0]);
        list.Linear($"{at}.attn_k", MatrixRole.Plain, index, attention.Projections[1]);
        list.Linear($"{at}.attn_v", MatrixRole.Value, index, attention.Projections[2]);
        list.Linear($"{at}.attn_output", MatrixRole.Plain, index, attention.Output);
        list.Norm($"{at}.attn_output_norm", layer.AttentionOutputNorm!);
        list.Linear($"{at}.ffn_up", MatrixRole.Plain, index, part.Up);
        list.Linear($"{at}.ffn_down", MatrixRole.Down, index, part.Down);
        list.Norm($"{at}.layer_output_norm", layer.FeedForwardOutputNorm!);
    }

    private void Key(string name, int value) => metadata.Add($"{architecture.Name}.{name}", value);

    private void Require(bool condition, string what)
    {
        if (!condition)
            throw GgufModel.Refusal(architecture, what);
    }
}
