using System.Numerics.Tensors;
using MergeTasks.TestSupport;

namespace MergeTasks.Transformers.Tests.Golden;

public class GradientTests
{
    public static IEnumerable<object[]> Models => TestedEngines.With(GoldenModel.Names);

    [Theory]
    [MemberData(nameof(Models))]
    public void Gradient_of_every_parameter_equals_the_reference(string engine, string name)
    {
        using var golden = new GoldenModel(name, engine);
        var gradients = new GradientCollector();
        golden.Model.Backward(golden.Batch, golden.Targets, gradients);
        var expected = golden.NamesOf("grad.").Order(StringComparer.Ordinal).ToArray();
        Assert.Equal(expected, gradients.Names.Order(StringComparer.Ordinal));
        Assert.Equal(expected, golden.Model.Parameters.Keys);
        foreach (var parameter in expected)
        {
            var reference = golden.Singles("grad." + parameter);
            if (IsRoundingNoise(reference))
                Assert.True(Compare.Absolute(reference, gradients[parameter]) <= 1e-5, $"{parameter} should be near zero.");
            else
                Assert.True(
                    Compare.Relative(reference, gradients[parameter]) <= Tolerances.Gradient(name),
                    $"{parameter}: {Compare.Relative(reference, gradients[parameter])}");
        }
    }

    // Some gradients are zero in exact arithmetic, and what is stored is rounding noise: keys' biases move all scores of a query alike, so
    // softmax does not see them, and a router that chooses one expert gives it the weight 1. All other gradients are far larger.
    private static bool IsRoundingNoise(float[] reference) => TensorPrimitives.MaxMagnitude<float>(reference) is >= -1e-6f and <= 1e-6f;
}
