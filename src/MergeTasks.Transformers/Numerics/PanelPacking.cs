using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace MergeTasks.Transformers.Numerics;

/// <summary>
/// Copies a slice of an operand into the order in which a register tile reads it: <c>target[p * width + lane]</c> for depth p, widened to
/// fp32, lanes beyond the operand's edge zero.
/// </summary>
internal static unsafe class PanelPacking
{
    // Reads whole cache lines of every row before going on, and keeps the written part of the panel within the first-level cache.
    private const int DepthStep = 32;

    /// <summary>Packs an operand whose rows run along the depth (A as it is, W of x · Wᵀ): a transposition.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Interleave<TElement>(byte* source, nint stride, int lanes, int depth, float* target, int width)
        where TElement : struct, IWeightElement
    {
        var rowBytes = stride * TElement.Size;
        for (var first = 0; first < depth; first += DepthStep)
        {
            var last = Math.Min(first + DepthStep, depth);
            for (var lane = 0; lane < width; lane += 4)
            {
                var row = source + lane * rowBytes;
                var p = first;
                if (lane + 4 <= lanes)
                {
                    for (; p + 4 <= last; p += 4)
                    {
                        var at = row + (nint)p * TElement.Size;
                        Transpose(
                            TElement.Load4(at),
                            TElement.Load4(at + rowBytes),
                            TElement.Load4(at + 2 * rowBytes),
                            TElement.Load4(at + 3 * rowBytes),
                            target + (nint)p * width + lane,
                            width);
                    }
                }

                for (; p < last; p++)
                {
                    for (var i = 0; i < 4; i++)
                        target[(nint)p * width + lane + i] = lane + i < lanes ? TElement.Load1(row + i * rowBytes + (nint)p * TElement.Size) : 0;
                }
            }
        }
    }

    /// <summary>Packs an operand whose rows run along the lanes (W of dy · W, both operands of dyᵀ · x): a copy.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Copy<TElement>(byte* source, nint stride, int lanes, int depth, float* target, int width)
        where TElement : struct, IWeightElement
    {
        for (var p = 0; p < depth; p++)
        {
            var row = source + p * stride * TElement.Size;
            var lane = 0;
            for (; lane + 4 <= lanes; lane += 4)
                TElement.Load4(row + lane * TElement.Size).Store(target + lane);
            for (; lane < width; lane++)
                target[lane] = lane < lanes ? TElement.Load1(row + lane * TElement.Size) : 0;
            target += width;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose(
        Vector128<float> row0, Vector128<float> row1, Vector128<float> row2, Vector128<float> row3, float* target, nint width)
    {
        var low01 = ZipLow(row0, row1);
        var high01 = ZipHigh(row0, row1);
        var low23 = ZipLow(row2, row3);
        var high23 = ZipHigh(row2, row3);
        Vector128.Create(low01.GetLower(), low23.GetLower()).Store(target);
        Vector128.Create(low01.GetUpper(), low23.GetUpper()).Store(target + width);
        Vector128.Create(high01.GetLower(), high23.GetLower()).Store(target + 2 * width);
        Vector128.Create(high01.GetUpper(), high23.GetUpper()).Store(target + 3 * width);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> ZipLow(Vector128<float> left, Vector128<float> right) =>
        Sse.IsSupported ? Sse.UnpackLow(left, right)
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipLow(left, right)
        : Vector128.Create(left[0], right[0], left[1], right[1]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> ZipHigh(Vector128<float> left, Vector128<float> right) =>
        Sse.IsSupported ? Sse.UnpackHigh(left, right)
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipHigh(left, right)
        : Vector128.Create(left[2], right[2], left[3], right[3]);
}
