using System.Text;
using System.Text.Json.Nodes;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Processor;
using MergeTasks.Transformers.Tests.Golden;

namespace MergeTasks.Transformers.Tests.Families;

public class RefusalTests
{
    [Theory]
    [InlineData("llama-A", """{"model_type":"mamba"}""", ModelError.UnknownFamily, "mamba")]
    [InlineData(
        "llama-A", """{"architectures":["LlamaForSequenceClassification"]}""", ModelError.UnknownFamily, "LlamaForSequenceClassification")]
    [InlineData("bert-mlm-A", """{"architectures":["BertForQuestionAnswering"]}""", ModelError.UnknownFamily, "BertForQuestionAnswering")]
    [InlineData("llama-A", """{"hidden_act":"snake"}""", ModelError.UnsupportedValue, "hidden_act")]
    [InlineData("llama-A", """{"is_causal":false}""", ModelError.UnsupportedValue, "is_causal")]
    [InlineData("gemma-A", """{"use_bidirectional_attention":true}""", ModelError.UnsupportedValue, "use_bidirectional_attention")]
    [InlineData("llama-A", """{"rope_scaling":{"rope_type":"mrope","factor":2}}""", ModelError.UnsupportedValue, "rope_scaling.rope_type")]
    [InlineData("llama-A", """{"rope_scaling":{"rope_type":"dynamic","factor":0.5}}""", ModelError.BadConfiguration, "rope_scaling.factor")]
    [InlineData(
        "llama-A", """{"rope_parameters":{"rope_type":"su","rope_theta":100}}""", ModelError.UnsupportedValue, "rope_parameters.rope_type")]
    [InlineData(
        "gemma2-A", """{"rope_parameters":{"full_attention":{"rope_type":"default"}}}""", ModelError.UnsupportedValue, "rope_parameters")]
    [InlineData("gpt_neox-A", """{"num_key_value_heads":1}""", ModelError.UnsupportedValue, "num_key_value_heads")]
    [InlineData("llama-A", """{"rope_scaling":{"rope_type":"llama3","factor":8}}""", ModelError.BadConfiguration, "low_freq_factor")]
    [InlineData(
        "llama-A", """{"rope_scaling":{"rope_type":"linear","type":"yarn","factor":8}}""", ModelError.BadConfiguration, "rope_type")]
    [InlineData(
        "llama-A",
        """{"partial_rotary_factor":0.5,"rope_scaling":{"rope_type":"linear","factor":2}}""",
        ModelError.UnsupportedValue,
        "partial_rotary_factor")]
    [InlineData("llama-A", """{"num_key_value_heads":3}""", ModelError.BadConfiguration, "num_key_value_heads")]
    [InlineData("llama-A", """{"hidden_size":"48"}""", ModelError.BadConfiguration, "hidden_size")]
    [InlineData("llama-A", """{"quantization_config":{"bits":4}}""", ModelError.UnsupportedValue, "quantization_config")]
    [InlineData("bert-mlm-A", """{"position_embedding_type":"relative_key"}""", ModelError.UnsupportedValue, "position_embedding_type")]
    [InlineData("bert-mlm-A", """{"is_decoder":true}""", ModelError.UnsupportedValue, "is_decoder")]
    [InlineData("bert-cls-A", """{"problem_type":"regression"}""", ModelError.UnsupportedValue, "problem_type")]
    [InlineData("mixtral-A", """{"num_experts_per_tok":5}""", ModelError.BadConfiguration, "num_experts_per_tok")]
    [InlineData("gemma2-A", """{"layer_types":["full_attention"]}""", ModelError.BadConfiguration, "layer_types")]
    [InlineData(
        "phi3-A",
        """{"rope_scaling":{"type":"longrope","short_factor":[1],"long_factor":[1]}}""",
        ModelError.BadConfiguration,
        "short_factor")]
    [InlineData("gpt2-A", """{"num_hidden_layers":9}""", ModelError.BadConfiguration, "num_hidden_layers")]
    [InlineData("deepseek_v3-A", """{"head_dim":2}""", ModelError.BadConfiguration, "qk_rope_head_dim")]
    [InlineData("deberta-v2-mlm-A", """{"position_buckets":1}""", ModelError.BadConfiguration, "position_buckets")]
    [InlineData("qwen2_v5-A", """{"sliding_window":0}""", ModelError.BadConfiguration, "sliding_window")]
    [InlineData("gemma3_text-A", """{"rope_parameters":{"rope_theta":100}}""", ModelError.BadConfiguration, "rope_parameters")]
    [InlineData("olmo3-A", """{"rope_scaling":{"rope_type":"linear","factor":2}}""", ModelError.UnsupportedValue, "rope_scaling")]
    internal void A_configuration_that_the_engine_does_not_compute_is_named(string name, string change, ModelError error, string named)
    {
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(GoldenModel.FolderOf(name), "config.json")))!.AsObject();
        foreach (var (key, value) in JsonNode.Parse(change)!.AsObject())
            config[key] = value?.DeepClone();
        var refused = Assert.Throws<ModelException>(() =>
            CpuEngine.CheckConfiguration(Encoding.UTF8.GetBytes(config.ToJsonString()), "config.json"));
        Assert.Equal(error, refused.Error);
        Assert.Contains(named, refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"tie_word_embeddings":false}""", "qwen2-A", ModelError.MissingTensor, "lm_head.weight")]
    [InlineData("""{"num_hidden_layers":4}""", "llama-A", ModelError.MissingTensor, "model.layers.3")]
    [InlineData("""{"intermediate_size":90}""", "llama-A", ModelError.WrongTensor, "[90, 48]")]
    internal void Weights_that_do_not_fit_are_named(string change, string name, ModelError error, string named)
    {
        using var changed = new ChangedModel(name, change);
        var refused = Assert.Throws<ModelException>(() => changed.Load());
        Assert.Equal(error, refused.Error);
        Assert.Contains(named, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Absent_keys_take_the_defaults_of_the_family()
    {
        // Encoders have no default for what they predict, and hybrids none for which layers are attention.
        foreach (var family in CpuEngine.Families.Where(family => !GoldenModel.Encoders.Contains(family) && family != "granitemoehybrid"))
            CpuEngine.CheckConfiguration(Encoding.UTF8.GetBytes($$"""{"model_type":"{{family}}"}"""), "config.json");
    }
}
