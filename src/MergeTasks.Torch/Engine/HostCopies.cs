using System.Runtime.InteropServices;

namespace MergeTasks.Torch.Engine;

/// <summary>Copies of tensors in the host's memory.</summary>
internal static class HostCopies
{
    /// <summary>How many the calling thread has made; each waits for the device.</summary>
    [field: ThreadStatic]
    public static long Count { get; private set; }

    /// <summary>fp32 values in row-major order.</summary>
    public static float[] Singles(Tensor values) => Copy<float>(values, ScalarType.Float32);

    /// <summary>Values of any type as fp64, in row-major order.</summary>
    public static double[] Doubles(Tensor values) => Copy<double>(values, ScalarType.Float64);

    /// <summary>Integers in row-major order.</summary>
    public static long[] Integers(Tensor values) => Copy<long>(values, ScalarType.Int64);

    private static T[] Copy<T>(Tensor values, ScalarType type)
        where T : struct
    {
        Count++;
        using var scope = NewDisposeScope();
        return MemoryMarshal.Cast<byte, T>(values.detach().to_type(type).cpu().contiguous().bytes).ToArray();
    }
}
