using System.Text.Json;

namespace MergeTasks.Transformers.Tests.Golden;

public class GradientTests
{
    public static TheoryData<string> Models => new(GoldenModel.Names);

    [Theory]
    [MemberData(nameof(Models))]
    public void Gradient_of_every_parameter_equals_the_reference(string name)
    {
        using var golden = new GoldenModel(name);
        var gradients = new GradientCollector();
        golden.Model.Backward(golden.Batch, golden.Targets, gradients);
        var expected = golden.NamesOf("grad.").Order(StringComparer.Ordinal).ToArray();
        Assert.Equal(expected, gradients.Names.Order(StringComparer.Ordinal));
        Assert.Equal(expected, golden.Model.Parameters.Keys);
        var nearZero = NearZero(name);
        foreach (var parameter in expected)
        {
            var reference = golden.Singles("grad." + parameter);
            if (nearZero.Contains(parameter))
                Assert.True(Compare.Absolute(reference, gradients[parameter]) <= 1e-5, $"{parameter} should be near zero.");
            else
                Assert.True(Compare.Relative(reference, gradients[parameter]) <= 5e-5, $"{parameter}: {Compare.Relative(reference, gradients[parameter])}");
        }
    }

    // Keys' biases move all scores of a query alike, so softmax does not see them: the stored values are rounding noise.
    private static HashSet<string> NearZero(string name)
    {
        using var summary = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(GoldenModel.Root, "summary.json")));
        return [.. summary.RootElement.GetProperty(name).GetProperty("near_zero_grads").EnumerateArray().Select(entry => entry.GetString()!)];
    }
}
