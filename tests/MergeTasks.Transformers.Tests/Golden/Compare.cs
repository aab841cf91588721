namespace MergeTasks.Transformers.Tests.Golden;

/// <summary>The measure of the reference data: the largest difference over the largest expected size.</summary>
internal static class Compare
{
    public static double Relative(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        var (difference, size) = (0.0, 0.0);
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.True(float.IsFinite(actual[i]), $"Element {i} is {actual[i]}.");
            difference = Math.Max(difference, Math.Abs((double)expected[i] - actual[i]));
            size = Math.Max(size, Math.Abs(expected[i]));
        }

        return size == 0 ? difference : difference / size;
    }

    public static double Absolute(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        var difference = 0.0;
        for (var i = 0; i < expected.Length; i++)
            difference = Math.Max(difference, Math.Abs((double)expected[i] - actual[i]));
        return difference;
    }
}
