using MergeTasks.TestSupport;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Transformers.Tests.Golden;

/// <summary>
/// Backward passes under configuration fields that published versions disagree about, so that no reference model here sets them: the
/// gradient along itself against a difference quotient.
/// </summary>
public class DirectionalDerivativeTests
{
    private static readonly Dictionary<string, string> Changes = new()
    {
        ["gemma2-A"] = """{"layer_types":["full_attention","sliding_attention","full_attention"],"sliding_window":3}""",
        ["qwen2-A"] = """{"use_sliding_window":true,"sliding_window":5,"max_window_layers":1}""",
    };

    public static IEnumerable<object[]> Models => TestedEngines.With(Changes.Keys);

    [Theory]
    [MemberData(nameof(Models))]
    public void Gradient_predicts_the_change(string engine, string name)
    {
        using var golden = new GoldenModel(name, engine);
        using var changed = new ChangedModel(name, Changes[name]);
        using var model = changed.Load(engine);
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
