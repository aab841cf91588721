using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Tests.Golden;

namespace MergeTasks.Transformers.Tests.Families;

/// <summary>Published configurations say the same thing under several keys.</summary>
public class SpellingTests
{
    [Theory]
    [InlineData("llama-A", """{"rope_parameters":{"rope_type":"default","rope_theta":10000.0},"rope_theta":null}""")]
    [InlineData(
        "llama-B",
        """{"rope_scaling":null,"rope_theta":null,"rope_parameters":{"rope_type":"llama3","rope_theta":500.0,"factor":8.0,"high_freq_factor":4.0,"low_freq_factor":1.0,"original_max_position_embeddings":32}}""")]
    [InlineData("llama-linear", """{"rope_scaling":{"type":"linear","factor":2.5}}""")]
    [InlineData(
        "gpt_neox-A",
        """{"rotary_pct":null,"rotary_emb_base":null,"partial_rotary_factor":null,"rope_theta":null,"rope_parameters":{"rope_type":"default","rope_theta":10000,"partial_rotary_factor":0.25}}""")]
    [InlineData("phi3-long", """{"rope_scaling":{"type":"su","short_factor":[1,1.1,1.2,1.4],"long_factor":[1.5,2,3,5]}}""")]
    [InlineData(
        "phi3-long",
        """{"rope_scaling":null,"original_max_position_embeddings":null,"rope_parameters":{"rope_type":"longrope","rope_theta":10000,"original_max_position_embeddings":8,"short_factor":[1,1.1,1.2,1.4],"long_factor":[1.5,2,3,5]}}""")]
    [InlineData(
        "stablelm-norms",
        """{"partial_rotary_factor":null,"rope_scaling":null,"rope_parameters":{"rope_type":"linear","factor":2.5,"rope_theta":10000,"partial_rotary_factor":0.5}}""")]
    [InlineData("gemma2-A", """{"layer_types":["sliding_attention","full_attention","sliding_attention"]}""")]
    [InlineData(
        "gpt2-A",
        """{"n_embd":null,"n_head":null,"n_layer":null,"n_positions":null,"hidden_size":48,"num_attention_heads":4,"num_hidden_layers":3,"max_position_embeddings":32}""")]
    [InlineData(
        "distilbert-cls-A",
        """{"dim":null,"n_heads":null,"n_layers":null,"hidden_size":48,"num_attention_heads":4,"num_hidden_layers":2}""")]
    [InlineData("gpt2-A", """{"num_hidden_layers":3}""")]
    [InlineData("ernie4_5_moe-A", """{"moe_k":null,"num_experts_per_tok":2,"moe_num_experts":null,"num_experts":6}""")]
    [InlineData("phimoe-A", """{"num_experts_per_tok":3}""")]
    [InlineData("modernbert-mlm-A", """{"local_attention":128,"sliding_window":4}""")]
    [InlineData("llama-A", """{"rope_scaling":{},"rope_parameters":{}}""")]
    [InlineData("llama-A", """{"mlp_bias":null}""")]
    [InlineData(
        "llama_linear_v5-A",
        """{"rope_scaling":{"type":"linear","factor":2.5,"rope_theta":300},"rope_parameters":{"rope_type":"default","rope_theta":7}}""")]
    [InlineData(
        "gemma3_text-A",
        """{"rope_parameters":{"full_attention":{"rope_type":"linear","factor":8}},"rope_theta":2000,"rope_local_base_freq":100}""")]
    public void Another_spelling_has_the_same_result(string name, string spelling)
    {
        using var golden = new GoldenModel(name);
        using var changed = new ChangedModel(name, spelling);
        using var model = changed.Load();
        Assert.Equal(golden.Model.Score(golden.Batch, golden.Targets), model.Score(golden.Batch, golden.Targets));
    }
}
