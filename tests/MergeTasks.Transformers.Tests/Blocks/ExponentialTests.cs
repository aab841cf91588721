using MergeTasks.Transformers.Blocks;

namespace MergeTasks.Transformers.Tests.Blocks;

/// <summary>The exponential function of fp32 against that of fp64.</summary>
public sealed class ExponentialTests
{
    [Fact]
    public void Is_within_one_unit_in_the_last_place()
    {
        var numbers = Enumerable.Range(0, 400_001).Select(i => (i - 200_000) * 0.0005f).Concat([.. Edges()]).ToArray();
        var values = numbers.ToArray();
        Exponential.Of(values);
        for (var i = 0; i < numbers.Length; i++)
        {
            var exact = Math.Exp(numbers[i]);
            if (exact > float.MaxValue)
                Assert.Equal(float.PositiveInfinity, values[i]);
            else
                Assert.True(
                    Math.Abs(values[i] - exact) <= MathF.BitIncrement((float)exact) - (float)exact, $"e^{numbers[i]}: {values[i]}, {exact}");
        }
    }

    [Theory]
    [InlineData(0f, 1f)]
    [InlineData(-float.Epsilon, 1f)]
    [InlineData(float.NegativeInfinity, 0f)]
    [InlineData(float.PositiveInfinity, float.PositiveInfinity)]
    [InlineData(float.NaN, float.NaN)]
    [InlineData(float.MaxValue, float.PositiveInfinity)]
    [InlineData(float.MinValue, 0f)]
    [InlineData(-104f, 0f)]
    [InlineData(float.Epsilon, 1f)]
    public void Has_the_limits_of_the_function(float x, float expected)
    {
        foreach (var length in new[] { 1, 15, 16, 33 })
        {
            var values = Enumerable.Repeat(x, length).ToArray();
            Exponential.Of(values);
            Assert.All(values, value => Assert.Equal(expected, value));
        }
    }

    // Around the largest result, the smallest normal one, the smallest of all, and where n changes.
    private static IEnumerable<float> Edges()
    {
        foreach (var edge in new[] { 88.72283f, -87.33655f, -103.27893f, 0.34657359f, -0.34657359f, 1.0397208f, 0f })
        {
            var (below, above) = (edge, edge);
            for (var i = 0; i < 50; i++)
            {
                yield return below = MathF.BitDecrement(below);
                yield return above = MathF.BitIncrement(above);
            }
        }
    }
}
