using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace MergeTasks.Numerics.Products;

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
            for (; Vector512.IsHardwareAccelerated && steps % 4 == 0 && lane + 16 <= lanes; lane += 16)
                Transpose16<TElement>(at + lane * rowBytes, rowBytes, steps / 4, to + lane, width);
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

    /// <summary>Packs fp64 whose rows run along the depth, two rows by two elements at a time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Interleave(double* source, nint stride, int lanes, int depth, double* target, int width)
    {
        for (nint lane = 0; lane < width; lane += 2)
        {
            double* row = source + lane * stride, to = target + lane;
            var p = 0;
            for (; lane + 2 <= lanes && p + 2 <= depth; p += 2, to += 2 * width)
            {
                var (first, second) = (Vector128.Load((ulong*)(row + p)), Vector128.Load((ulong*)(row + stride + p)));
                ZipLow(first, second).Store((ulong*)to);
                ZipHigh(first, second).Store((ulong*)(to + width));
            }

            for (; p < depth; p++, to += width)
            {
                to[0] = lane < lanes ? row[p] : 0;
                to[1] = lane + 1 < lanes ? row[stride + p] : 0;
            }
        }
    }

    /// <summary>Packs fp64 whose rows run along the lanes.</summary>
    public static void Copy(double* source, nint stride, int lanes, int depth, double* target, int width)
    {
        for (var p = 0; p < depth; p++, source += stride, target += width)
        {
            new ReadOnlySpan<double>(source, lanes).CopyTo(new Span<double>(target, lanes));
            new Span<double>(target + lanes, width - lanes).Clear();
        }
    }

    /// <summary>
    /// Transposes 16 rows by 16 words at a time, each row's part one load of a cache line; a word is one element of four bytes or two
    /// neighbours of two. First within groups of 128 bits, four rows by four, then the groups.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose16<TElement>(byte* source, nint rowBytes, int blocks, float* target, nint width)
        where TElement : struct, IWeightElement
    {
        for (; blocks > 0; blocks--)
        {
            var row = source;
            FourByFour(ref row, rowBytes, out var r00, out var r01, out var r02, out var r03);
            FourByFour(ref row, rowBytes, out var r10, out var r11, out var r12, out var r13);
            FourByFour(ref row, rowBytes, out var r20, out var r21, out var r22, out var r23);
            FourByFour(ref row, rowBytes, out var r30, out var r31, out var r32, out var r33);
            Groups(ref r00, ref r10, ref r20, ref r30);
            Groups(ref r01, ref r11, ref r21, ref r31);
            Groups(ref r02, ref r12, ref r22, ref r32);
            Groups(ref r03, ref r13, ref r23, ref r33);
            target = Put<TElement>(r00, target, width);
            target = Put<TElement>(r01, target, width);
            target = Put<TElement>(r02, target, width);
            target = Put<TElement>(r03, target, width);
            target = Put<TElement>(r10, target, width);
            target = Put<TElement>(r11, target, width);
            target = Put<TElement>(r12, target, width);
            target = Put<TElement>(r13, target, width);
            target = Put<TElement>(r20, target, width);
            target = Put<TElement>(r21, target, width);
            target = Put<TElement>(r22, target, width);
            target = Put<TElement>(r23, target, width);
            target = Put<TElement>(r30, target, width);
            target = Put<TElement>(r31, target, width);
            target = Put<TElement>(r32, target, width);
            target = Put<TElement>(r33, target, width);
            source += 16 * Word;
        }
    }

    /// <summary>Loads four rows; column 4g + i of them becomes group g of the i-th vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void FourByFour(
        ref byte* row, nint rowBytes, out Vector512<uint> c0, out Vector512<uint> c1, out Vector512<uint> c2, out Vector512<uint> c3)
    {
        var row0 = Vector512.Load((uint*)row);
        var row1 = Vector512.Load((uint*)(row + rowBytes));
        var row2 = Vector512.Load((uint*)(row + 2 * rowBytes));
        var row3 = Vector512.Load((uint*)(row + 3 * rowBytes));
        row += 4 * rowBytes;
        var low01 = Avx512F.UnpackLow(row0, row1).AsUInt64();
        var high01 = Avx512F.UnpackHigh(row0, row1).AsUInt64();
        var low23 = Avx512F.UnpackLow(row2, row3).AsUInt64();
        var high23 = Avx512F.UnpackHigh(row2, row3).AsUInt64();
        c0 = Avx512F.UnpackLow(low01, low23).AsUInt32();
        c1 = Avx512F.UnpackHigh(low01, low23).AsUInt32();
        c2 = Avx512F.UnpackLow(high01, high23).AsUInt32();
        c3 = Avx512F.UnpackHigh(high01, high23).AsUInt32();
    }

    /// <summary>Transposes the groups of 128 bits of four vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Groups(ref Vector512<uint> v0, ref Vector512<uint> v1, ref Vector512<uint> v2, ref Vector512<uint> v3)
    {
        var low01 = Avx512F.Shuffle4x128(v0, v1, 0b01_00_01_00);
        var high01 = Avx512F.Shuffle4x128(v0, v1, 0b11_10_11_10);
        var low23 = Avx512F.Shuffle4x128(v2, v3, 0b01_00_01_00);
        var high23 = Avx512F.Shuffle4x128(v2, v3, 0b11_10_11_10);
        v0 = Avx512F.Shuffle4x128(low01, low23, 0b10_00_10_00);
        v1 = Avx512F.Shuffle4x128(low01, low23, 0b11_01_11_01);
        v2 = Avx512F.Shuffle4x128(high01, high23, 0b10_00_10_00);
        v3 = Avx512F.Shuffle4x128(high01, high23, 0b11_01_11_01);
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
