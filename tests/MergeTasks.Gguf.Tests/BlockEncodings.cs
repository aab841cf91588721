using System.Runtime.InteropServices;
using MergeTasks.Gguf.Format;
using MergeTasks.Gguf.Quantization;

namespace MergeTasks.Gguf.Tests;

/// <summary>What the blocks keep of numbers.</summary>
public sealed class BlockEncodings
{
    /// <summary>The root of the mean square error, relative to that of the numbers, on normally distributed ones.</summary>
    [Theory]
    [InlineData(GgmlType.Q8_0, 0.006)]
    [InlineData(GgmlType.Q6_K, 0.02)]
    [InlineData(GgmlType.Q5_K, 0.04)]
    [InlineData(GgmlType.Q4_K, 0.08)]
    [InlineData(GgmlType.Q4_1, 0.09)]
    [InlineData(GgmlType.Q4_0, 0.1)]
    internal void Keep_normal_numbers(GgmlType type, double most)
    {
        var values = Normal(16 * 256);
        var decoded = RoundTrip(type, values);
        var error = values.Zip(decoded).Sum(pair => Math.Pow(pair.First - pair.Second, 2)) / values.Sum(value => (double)value * value);
        Assert.InRange(Math.Sqrt(error), 0, most);
    }

    [Theory]
    [InlineData(GgmlType.Q8_0)]
    [InlineData(GgmlType.Q6_K)]
    [InlineData(GgmlType.Q5_K)]
    [InlineData(GgmlType.Q4_K)]
    [InlineData(GgmlType.Q4_1)]
    [InlineData(GgmlType.Q4_0)]
    internal void Keep_zeros_constants_and_single_numbers(GgmlType type)
    {
        Assert.All(RoundTrip(type, new float[256]), value => Assert.Equal(0, value));
        foreach (var constant in new[] { 1f, -3f, 1e-4f })
            Assert.All(RoundTrip(type, [.. Enumerable.Repeat(constant, 256)]), value => Assert.InRange(value / constant, 0.97, 1.03));
        var single = new float[256];
        single[77] = -2;
        var decoded = RoundTrip(type, single);
        Assert.InRange(decoded[77], -2.1, -1.9);
        Assert.All(decoded.Where((_, i) => i != 77), value => Assert.InRange(value, -2e-3, 2e-3));
    }

    /// <summary>Blocks of any bytes, against the functions of the library that llama.cpp computes with.</summary>
    [Fact]
    public unsafe void Are_read_as_ggml_reads_them()
    {
        // What ggml_get_type_traits tells of a type has its name first, and its function from blocks to numbers in the sixth place.
        LLama.Native.NativeApi.llama_empty_call();
        using var process = System.Diagnostics.Process.GetCurrentProcess();
        var path = process.Modules.Cast<System.Diagnostics.ProcessModule>().Select(module => module.FileName)
            .First(name => name.Contains("ggml-base", StringComparison.Ordinal));
        var library = NativeLibrary.Load(path);
        var traits = (delegate* unmanaged<int, nint*>)NativeLibrary.GetExport(library, "ggml_get_type_traits");
        var random = new Random(17);
        foreach (var type in GgmlTypes.Known)
        {
            var told = traits((int)type);
            Assert.Equal(GgmlTypes.NameOf(type), Marshal.PtrToStringUTF8(told[0]), ignoreCase: true);
            Assert.Equal((type.BlockElements(), type.BlockBytes()), ((int)told[1], (int)told[3]));
            var toFloat = (delegate* unmanaged<byte*, float*, long, void>)told[5];
            if (toFloat == null)
                continue;
            var (expected, actual) = (new float[1024], new float[1024]);
            var bytes = new byte[type.BytesOf(1024)];
            for (var round = 0; round < 50; round++)
            {
                random.NextBytes(bytes);
                fixed (byte* source = bytes)
                fixed (float* target = expected)
                    toFloat(source, target, 1024);
                BlockEncoding.Decode(type, bytes, actual);

                // Products and sums may be rounded once there, together; scales that are no numbers give none.
                Assert.All(expected.Zip(actual), pair => Assert.True(
                    pair.First.Equals(pair.Second) || !float.IsFinite(pair.First)
                        || MathF.Abs(pair.First - pair.Second) <= 3e-6f * MathF.Max(MathF.Abs(pair.First), expected.Where(float.IsFinite).Max(MathF.Abs)),
                    $"{type}: {pair}"));
            }
        }

        foreach (var id in Enumerable.Range(0, 41).Where(id => !GgmlTypes.IsKnown((GgmlType)id) && traits(id)[1] > 0 && traits(id)[0] != 0))
            Assert.Equal(GgmlTypes.NameOf((GgmlType)id), Marshal.PtrToStringUTF8(traits(id)[0]), ignoreCase: true);
    }

    private static float[] RoundTrip(GgmlType type, float[] values)
    {
        var bytes = new byte[type.BytesOf(values.Length)];
        BlockEncoding.Encode(type, values, bytes);
        var decoded = new float[values.Length];
        BlockEncoding.Decode(type, bytes, decoded);
        return decoded;
    }

    private static float[] Normal(int count)
    {
        var random = new Random(7);
        return [.. Enumerable.Range(0, count).Select(_ =>
            (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())))];
    }
}
