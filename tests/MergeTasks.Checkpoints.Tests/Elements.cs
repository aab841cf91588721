using System.Runtime.InteropServices;
using MergeTasks.Checkpoints.Elements;

namespace MergeTasks.Checkpoints.Tests;

/// <summary>
/// Conversions against the formats' definitions: every bit pattern is decoded in double precision from sign, exponent and mantissa,
/// and rounding is checked by searching the nearest of all these values.
/// </summary>
public sealed class Elements
{
    public static IEnumerable<ITheoryDataRow> SmallFormats => new TheoryData<DType, int, int, bool>
    {
        { DType.F8E4M3, 4, 3, false },
        { DType.F8E5M2, 5, 2, true },
        { DType.F16, 5, 10, true },
        { DType.BF16, 8, 7, true },
    };

    [Theory]
    [MemberData(nameof(SmallFormats))]
    internal void Every_pattern_means_what_the_format_says(DType dtype, int exponentBits, int mantissaBits, bool hasInfinity)
    {
        var patterns = Patterns(dtype);
        var values = new float[patterns.Length];
        ElementConversion.ToSingle(dtype, Bytes(dtype, patterns), values);
        for (var i = 0; i < patterns.Length; i++)
            Assert.Equal((float)Decode(patterns[i], exponentBits, mantissaBits, hasInfinity), values[i]);
    }

    [Theory]
    [MemberData(nameof(SmallFormats))]
    internal void Every_pattern_survives_the_way_through_fp32(DType dtype, int exponentBits, int mantissaBits, bool hasInfinity)
    {
        var patterns = Array.FindAll(Patterns(dtype), pattern => !double.IsNaN(Decode(pattern, exponentBits, mantissaBits, hasInfinity)));
        var bytes = Bytes(dtype, patterns);
        var values = new float[patterns.Length];
        ElementConversion.ToSingle(dtype, bytes, values);
        var back = new byte[bytes.Length];
        ElementConversion.FromSingle(dtype, values, back);
        Assert.Equal(bytes, back);
    }

    [Theory]
    [MemberData(nameof(SmallFormats))]
    internal void Rounding_goes_to_the_nearest_value_and_from_the_middle_to_the_even_one(
        DType dtype, int exponentBits, int mantissaBits, bool hasInfinity)
    {
        // Magnitudes count up with their patterns.
        var limit = hasInfinity ? ((1 << exponentBits) - 1) << mantissaBits : (1 << (exponentBits + mantissaBits)) - 1;
        var grid = Enumerable.Range(0, limit).Select(pattern => Decode(pattern, exponentBits, mantissaBits, hasInfinity)).ToArray();
        var random = new Random(7);
        var inputs = new List<float>();
        for (var i = 0; i + 1 < grid.Length; i += Math.Max(1, grid.Length / 500))
        {
            var middle = (float)((grid[i] + grid[i + 1]) / 2);
            inputs.AddRange([
                middle,
                MathF.BitIncrement(middle),
                MathF.BitDecrement(middle),
                -middle,
                (float)(grid[i] + (random.NextDouble() * (grid[i + 1] - grid[i])))
            ]);
        }

        var rounded = inputs.ToArray();
        ElementConversion.Round(dtype, rounded);
        for (var i = 0; i < rounded.Length; i++)
        {
            var magnitude = Math.Abs((double)inputs[i]);
            var above = Array.FindIndex(grid, value => value >= magnitude);
            var expected = above <= 0 ? Math.Max(above, 0) : Nearest(above);
            Assert.Equal((float)Math.CopySign(grid[expected], inputs[i]), rounded[i]);

            int Nearest(int upper)
            {
                var (down, up) = (magnitude - grid[upper - 1], grid[upper] - magnitude);
                return down < up || (down == up && (upper - 1) % 2 == 0) ? upper - 1 : upper;
            }
        }
    }

    [Theory]
    [InlineData(DType.F8E4M3, 1e6f, float.NaN)]
    [InlineData(DType.F8E4M3, float.PositiveInfinity, float.NaN)]
    [InlineData(DType.F8E5M2, 1e6f, float.PositiveInfinity)]
    [InlineData(DType.F16, 1e6f, float.PositiveInfinity)]
    [InlineData(DType.F16, -1e6f, float.NegativeInfinity)]
    [InlineData(DType.BF16, 3.4e38f, float.PositiveInfinity)]
    [InlineData(DType.BF16, float.NaN, float.NaN)]
    [InlineData(DType.F8E5M2, float.NaN, float.NaN)]
    [InlineData(DType.F16, float.NaN, float.NaN)]
    internal void Beyond_the_range_and_nan(DType dtype, float value, float expected)
    {
        float[] values = [value];
        ElementConversion.Round(dtype, values);
        Assert.Equal(expected, values[0]);
    }

    [Fact]
    public void Doubles_are_rounded_once_to_fp32()
    {
        double[] doubles = [1 / 3.0, 1e300, -1e-320, 0.1];
        var values = new float[doubles.Length];
        ElementConversion.ToSingle(DType.F64, MemoryMarshal.AsBytes<double>(doubles), values);
        Assert.Equal([(float)(1 / 3.0), float.PositiveInfinity, -0f, 0.1f], values);
    }

    [Fact]
    public void Integers_are_no_numbers_to_merge() =>
        Assert.Throws<ArgumentException>(() => ElementConversion.ToSingle(DType.I32, new byte[4], new float[1]));

    private static int[] Patterns(DType dtype) => [.. Enumerable.Range(0, 1 << (8 * dtype.Size()))];

    private static byte[] Bytes(DType dtype, int[] patterns) =>
        dtype.Size() == 1
            ? Array.ConvertAll(patterns, pattern => (byte)pattern)
            : MemoryMarshal.AsBytes<ushort>(Array.ConvertAll(patterns, pattern => (ushort)pattern)).ToArray();

    private static double Decode(int pattern, int exponentBits, int mantissaBits, bool hasInfinity)
    {
        var sign = (pattern >> (exponentBits + mantissaBits)) & 1;
        var exponent = (pattern >> mantissaBits) & ((1 << exponentBits) - 1);
        var mantissa = pattern & ((1 << mantissaBits) - 1);
        var allOnes = exponent == (1 << exponentBits) - 1;
        if (allOnes && hasInfinity)
            return mantissa != 0 ? double.NaN : sign == 0 ? double.PositiveInfinity : double.NegativeInfinity;
        if (allOnes && mantissa == (1 << mantissaBits) - 1)
            return double.NaN;
        var bias = (1 << (exponentBits - 1)) - 1;
        var scale = Math.Pow(2, Math.Max(exponent, 1) - bias - mantissaBits);
        return (sign == 0 ? 1 : -1) * (mantissa + (exponent == 0 ? 0 : 1 << mantissaBits)) * scale;
    }
}
