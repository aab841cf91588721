using System.Runtime.InteropServices;

namespace MergeTasks.TestSupport;

/// <summary>Tensors of random numbers, the same for the same seed.</summary>
internal static class RandomTensors
{
    /// <summary>Numbers like a trained model's: normal, standard deviation 0.02 unless another scale is given.</summary>
    public static float[] Normal(int seed, long count, double scale = 0.02)
    {
        var random = new Random(seed);
        var values = new float[count];
        for (var i = 0; i < values.Length; i++)
            values[i] = (float)(scale * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
        return values;
    }

    public static RawTensor F32(int seed, params long[] shape) => RawTensor.F32(shape, Normal(seed, Count(shape)));

    public static RawTensor BF16(int seed, params long[] shape) => RawTensor.BF16(shape, Normal(seed, Count(shape)));

    public static byte[] Bytes(int seed, int count)
    {
        var bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    /// <summary>The tensor with one element changed.</summary>
    public static RawTensor Changed(RawTensor tensor, int index = 0)
    {
        var bytes = tensor.Bytes.ToArray();
        var elements = MemoryMarshal.Cast<byte, float>(bytes.AsSpan());
        elements[index] += 1;
        return tensor with { Bytes = bytes };
    }

    private static long Count(long[] shape) => shape.Aggregate(1L, (product, dimension) => product * dimension);
}
