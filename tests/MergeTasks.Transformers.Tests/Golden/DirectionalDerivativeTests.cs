namespace MergeTasks.Transformers.Tests.Golden;

/// <summary>
/// Backward passes under configuration fields that no reference model here sets: the gradient along itself against a difference quotient.
/// </summary>
public class DirectionalDerivativeTests
{
    [Theory]
    [InlineData("llama-A", """{"rope_scaling":{"rope_type":"linear","factor":2.0}}""")]
    [InlineData("llama-A", """{"rope_scaling":{"type":"yarn","factor":4.0,"attention_factor":1.2},"max_position_embeddings":16}""")]
    [InlineData("phi3-A", """{"rope_scaling":{"type":"su","short_factor":[1,1,1,1,1,1],"long_factor":[1,1.5,2,3,4,5]},"original_max_position_embeddings":8}""")]
    [InlineData("olmo-A", """{"clip_qkv":0.8}""")]
    [InlineData("stablelm-A", """{"use_parallel_residual":true}""")]
    [InlineData("gpt_neox-A", """{"use_parallel_residual":false,"hidden_act":"gelu_new"}""")]
    [InlineData("gpt2-A", """{"scale_attn_by_inverse_layer_idx":true,"scale_attn_weights":false,"activation_function":"quick_gelu"}""")]
    [InlineData("gemma2-A", """{"layer_types":["full_attention","sliding_attention","full_attention"],"sliding_window":3}""")]
    [InlineData("mixtral-A", """{"num_experts_per_tok":3,"sliding_window":4}""")]
    [InlineData("qwen2-A", """{"use_sliding_window":true,"sliding_window":5,"max_window_layers":1}""")]
    [InlineData("bert-mlm-A", """{"hidden_act":"mish"}""")]
    [InlineData("starcoder2-A", """{"hidden_act":"relu2"}""")]
    [InlineData("distilbert-mlm-A", """{"activation":"tanh"}""")]
    [InlineData("phi-A", """{"hidden_act":"gelu_10"}""")]
    [InlineData("roberta-cls-A", """{"hidden_act":"leaky_relu"}""")]
    [InlineData("roberta-mlm-A", """{"hidden_act":"sigmoid"}""")]
    public void Gradient_predicts_the_change(string name, string change)
    {
        using var golden = new GoldenModel(name);
        using var changed = new ChangedModel(name, change);
        using var model = changed.Load();
        var gradients = new GradientCollector();
        model.Backward(golden.Batch, golden.Targets, gradients);
        var length = Math.Sqrt(gradients.Names.Sum(parameter => gradients[parameter].Sum(value => (double)value * value)));
        // Richardson's extrapolation removes the difference quotient's own quadratic error.
        const double step = 2e-3;
        var derivative = (4 * Quotient(model, golden, gradients, step / 2, length) - Quotient(model, golden, gradients, step, length)) / 3;
        Assert.InRange(Math.Abs(derivative - length) / length, 0, 1e-3);
    }

    private static double Quotient(ITransformerModel model, GoldenModel golden, GradientCollector gradients, double step, double length)
    {
        using var forth = Moved(model, gradients, step / length);
        using var back = Moved(model, gradients, -step / length);
        return (Objective(forth, golden) - Objective(back, golden)) / (2 * step);
    }

    private static double Objective(ITransformerModel model, GoldenModel golden) =>
        golden.Targets.Zip(model.Score(golden.Batch, golden.Targets), (target, score) => target.Weight * score.LogProbability).Sum();

    private static ITransformerModel Moved(ITransformerModel model, GradientCollector gradients, double by) =>
        model.Replacing(model.Parameters.ToDictionary(parameter => parameter.Key, parameter =>
        {
            var values = new float[parameter.Value.ElementCount];
            parameter.Value.CopyTo(0, values);
            var gradient = gradients[parameter.Key];
            for (var i = 0; i < values.Length; i++)
                values[i] += (float)(by * gradient[i]);
            return ParameterValue.FromSingles(parameter.Value.Shape, values);
        }));
}
