using System.Text;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Gguf.Format;
using MergeTasks.Gguf.Models;
using MergeTasks.Gguf.Writing;
using MergeTasks.TestSupport;
using MergeTasks.Transformers.Tokenization;

namespace MergeTasks.Gguf.Tests;

/// <summary>A file whose model is as small as can be, for its vocabulary.</summary>
internal static class VocabularyFile
{
    public static string Write(TempFolder folder, Tokenizer tokenizer)
    {
        var rows = Math.Max(tokenizer.VocabularySize, tokenizer.AddedTokens[^1].Id + 1);
        var config = $$"""
            {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1,
             "num_attention_heads": 1, "vocab_size": {{rows}}, "tie_word_embeddings": true}
            """;
        TensorSpec[] tensors =
        [
            new("model.embed_tokens.weight", DType.F32, [rows, 8]), new("model.norm.weight", DType.F32, [8]),
            new("model.layers.0.input_layernorm.weight", DType.F32, [8]),
            new("model.layers.0.post_attention_layernorm.weight", DType.F32, [8]),
            .. new[] { "self_attn.q", "self_attn.k", "self_attn.v", "self_attn.o", "mlp.gate", "mlp.up", "mlp.down" }
                .Select(module => new TensorSpec($"model.layers.0.{module}_proj.weight", DType.F32, [8, 8])),
        ];
        var model = GgufModel.Of(
            new ModelSource(
                "vocabulary", folder.Path, Encoding.UTF8.GetBytes(config), tensors,
                name => File.Exists(folder[name]) ? File.ReadAllBytes(folder[name]) : null),
            GgufFileType.All[0]);
        using var output = File.Create(folder["vocabulary.gguf"]);
        new GgufWriter(new Zeros(), 1, CancellationToken.None).Write(model, output);
        return folder["vocabulary.gguf"];
    }

    private sealed class Zeros : IWeights
    {
        public DType DTypeOf(string tensor) => DType.F32;

        public void Read(string tensor, long start, Span<byte> destination) => destination.Clear();
    }
}
