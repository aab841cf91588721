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
    private const int Word = sizeof(uint);

    // Reads whole cache lines of every row before going on, and keeps the written part of the panel within the first-level cache.
    private const int DepthStep = 32;

    /// <summary>Packs an operand whose rows run along the depth (A as it is, W of x · Wᵀ): a transposition.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Interleave<TElement>(byte* source, nint stride, int lanes, int depth, float* target, nint width)
        where TElement : struct, IWeightElement
    {
        var rowBytes = stride * TElement.Size;
        var step = Word * 4 / TElement.Size;
        for (var first = 0; first < depth; first += DepthStep)
        {
            var steps = Math.Min(DepthStep, depth - first) / step;
            var at = source + (nint)first * TElement.Size;
            var to = target + first * width;
            var lane = 0;
            for (; Vector512.IsHardwareAccelerated && lane + 16 <= lanes; lane += 16)
                Transpose16<TElement>(at + lane * rowBytes, rowBytes, steps, to + lane, width);
            for (; lane + 4 <= lanes; lane += 4)
                Transpose4<TElement>(at + lane * rowBytes, rowBytes, steps, to + lane, width);
            // What fills no transposition: the last elements of the depth, and lanes at the operand's edge or beyond.
            var rest = Math.Min(DepthStep, depth - first);
            for (var p = steps * step; p < rest; p++)
            {
                for (var i = 0; i < lane; i++)
                    to[p * width + i] = TElement.Load1(at + i * rowBytes + (nint)p * TElement.Size);
            }

            for (; lane < width; lane++)
            {
                for (var p = 0; p < rest; p++)
                    to[p * width + lane] = lane < lanes ? TElement.Load1(at + lane * rowBytes + (nint)p * TElement.Size) : 0;
            }
        }
    }

    /// <summary>Packs an operand whose rows run along the lanes (W of dy · W, both operands of dyᵀ · x): a copy.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Copy<TElement>(byte* source, nint stride, int lanes, int depth, float* target, int width)
        where TElement : struct, IWeightElement
    {
        var rowBytes = stride * TElement.Size;
        var p = 0;
        if (Vector512.IsHardwareAccelerated && width == 32 && lanes == 32)
        {
            for (; p < depth; p++)
            {
                TElement.Load16(source).Store(target);
                TElement.Load16(source + 16 * TElement.Size).Store(target + 16);
                source += rowBytes;
                target += 32;
            }
        }
        else if (Vector512.IsHardwareAccelerated && width == 24 && lanes == 24)
        {
            for (; p < depth; p++)
            {
                TElement.Load16(source).Store(target);
                TElement.Load8(source + 16 * TElement.Size).Store(target + 16);
                source += rowBytes;
                target += 24;
            }
        }

        for (; p < depth; p++)
        {
            nint lane = 0;
            for (; lane + 4 <= lanes; lane += 4)
                TElement.Load4(source + lane * TElement.Size).Store(target + lane);
            for (; lane < width; lane++)
                target[lane] = lane < lanes ? TElement.Load1(source + lane * TElement.Size) : 0;
            source += rowBytes;
            target += width;
        }
    }

    /// <summary>Transposes 16 rows by 4 words at a time; a word is one element of four bytes or two neighbours of two.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose16<TElement>(byte* source, nint rowBytes, int steps, float* target, nint width)
        where TElement : struct, IWeightElement
    {
        for (; steps > 0; steps--)
        {
            // Lane group g of each vector holds row 4g + i, so that the transposition stays within groups of 128 bits.
            var row0 = FourRows(source, 4 * rowBytes);
            var row1 = FourRows(source + rowBytes, 4 * rowBytes);
            var row2 = FourRows(source + 2 * rowBytes, 4 * rowBytes);
            var row3 = FourRows(source + 3 * rowBytes, 4 * rowBytes);
            var low01 = Avx512F.UnpackLow(row0, row1).AsUInt64();
            var high01 = Avx512F.UnpackHigh(row0, row1).AsUInt64();
            var low23 = Avx512F.UnpackLow(row2, row3).AsUInt64();
            var high23 = Avx512F.UnpackHigh(row2, row3).AsUInt64();
            target = Put<TElement>(Avx512F.UnpackLow(low01, low23).AsUInt32(), target, width);
            target = Put<TElement>(Avx512F.UnpackHigh(low01, low23).AsUInt32(), target, width);
            target = Put<TElement>(Avx512F.UnpackLow(high01, high23).AsUInt32(), target, width);
            target = Put<TElement>(Avx512F.UnpackHigh(high01, high23).AsUInt32(), target, width);
            source += 4 * Word;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> FourRows(byte* source, nint rowBytes)
    {
        var rows = Vector128.Load((uint*)source).ToVector256Unsafe().ToVector512Unsafe();
        rows = Avx512F.InsertVector128(rows, Vector128.Load((uint*)(source + rowBytes)), 1);
        rows = Avx512F.InsertVector128(rows, Vector128.Load((uint*)(source + 2 * rowBytes)), 2);
        return Avx512F.InsertVector128(rows, Vector128.Load((uint*)(source + 3 * rowBytes)), 3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float* Put<TElement>(Vector512<uint> words, float* target, nint width)
        where TElement : struct, IWeightElement
    {
        TElement.Lower(words).Store(target);
        if (TElement.Size == Word)
            return target + width;
        TElement.Upper(words).Store(target + width);
        return target + 2 * width;
    }

    /// <summary>Transposes 4 rows by 4 words at a time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose4<TElement>(byte* source, nint rowBytes, int steps, float* target, nint width)
        where TElement : struct, IWeightElement
    {
        for (; steps > 0; steps--)
        {
            var row0 = Vector128.Load((uint*)source);
            var row1 = Vector128.Load((uint*)(source + rowBytes));
            var row2 = Vector128.Load((uint*)(source + 2 * rowBytes));
            var row3 = Vector128.Load((uint*)(source + 3 * rowBytes));
            var low01 = ZipLow(row0, row1);
            var high01 = ZipHigh(row0, row1);
            var low23 = ZipLow(row2, row3);
            var high23 = ZipHigh(row2, row3);
            target = Put<TElement>(ZipLow(low01.AsUInt64(), low23.AsUInt64()).AsUInt32(), target, width);
            target = Put<TElement>(ZipHigh(low01.AsUInt64(), low23.AsUInt64()).AsUInt32(), target, width);
            target = Put<TElement>(ZipLow(high01.AsUInt64(), high23.AsUInt64()).AsUInt32(), target, width);
            target = Put<TElement>(ZipHigh(high01.AsUInt64(), high23.AsUInt64()).AsUInt32(), target, width);
            source += 4 * Word;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float* Put<TElement>(Vector128<uint> words, float* target, nint width)
        where TElement : struct, IWeightElement
    {
        TElement.Lower(words).Store(target);
        if (TElement.Size == Word)
            return target + width;
        TElement.Upper(words).Store(target + width);
        return target + 2 * width;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> ZipLow(Vector128<uint> left, Vector128<uint> right) =>
        Sse2.IsSupported ? Sse2.UnpackLow(left, right)
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipLow(left, right)
        : Vector128.Create(left[0], right[0], left[1], right[1]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> ZipHigh(Vector128<uint> left, Vector128<uint> right) =>
        Sse2.IsSupported ? Sse2.UnpackHigh(left, right)
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipHigh(left, right)
        : Vector128.Create(left[2], right[2], left[3], right[3]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> ZipLow(Vector128<ulong> left, Vector128<ulong> right) =>
        Sse2.IsSupported ? Sse2.UnpackLow(left, right)
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipLow(left, right)
        : Vector128.Create(left[0], right[0]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> ZipHigh(Vector128<ulong> left, Vector128<ulong> right) =>
        Sse2.IsSupported ? Sse2.UnpackHigh(left, right)
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipHigh(left, right)
        : Vector128.Create(left[1], right[1]);
}
