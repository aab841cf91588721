using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace MergeTasks.Methods.Random;

/// <summary>64-bit lanes as <see cref="Philox"/> needs them, so that one text serves every register width.</summary>
internal interface ICounterLanes<TVector>
    where TVector : struct
{
    static abstract int Count { get; }

    static abstract TVector Create(ulong value);

    /// <summary>A number and those that follow it.</summary>
    static abstract TVector CountFrom(ulong first);

    static abstract TVector Xor(TVector left, TVector right);

    /// <summary>The upper halves of the lanes as numbers.</summary>
    static abstract TVector Upper(TVector lanes);

    /// <summary>The product of the lower halves of the lanes: one instruction per register everywhere.</summary>
    static abstract TVector MultiplyLow(TVector lanes, uint factor);

    /// <summary>The lower halves of the one below those of the other.</summary>
    static abstract TVector Join(TVector lower, TVector upper);

    /// <summary>A bit for each of the 16-bit parts that is smaller, from the lowest on.</summary>
    static abstract ulong Below(TVector parts, ushort limit);

    /// <summary>A bit for each of the 16-bit parts that is equal, from the lowest on.</summary>
    static abstract ulong At(TVector parts, ushort limit);

    /// <summary>Whether any of the 16-bit parts is equal.</summary>
    static abstract bool HasAt(TVector parts, TVector others, ushort limit);

    static abstract void Store(TVector value, ref ushort target);
}

// Factors are made as 32-bit lanes, because one made as 64-bit lanes and read as these becomes another number in the first tier of .NET
// 10's JIT.
internal readonly struct CounterLanes512 : ICounterLanes<Vector512<ulong>>
{
    public static int Count => 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<ulong> Create(ulong value) => Vector512.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<ulong> CountFrom(ulong first) => Vector512.Create(first) + Vector512<ulong>.Indices;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<ulong> Xor(Vector512<ulong> left, Vector512<ulong> right) => left ^ right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<ulong> Upper(Vector512<ulong> lanes) => lanes >>> 32;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<ulong> MultiplyLow(Vector512<ulong> lanes, uint factor) =>
        Avx512F.IsSupported
            ? Avx512F.Multiply(lanes.AsUInt32(), Vector512.Create(factor))
            : (lanes & Vector512.Create(0xFFFF_FFFFul)) * (ulong)factor;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<ulong> Join(Vector512<ulong> lower, Vector512<ulong> upper) =>
        Vector512.ConditionalSelect(Vector512.Create(0xFFFF_FFFFul), lower, upper << 32);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Below(Vector512<ulong> parts, ushort limit) =>
        Vector512.LessThan(parts.AsUInt16(), Vector512.Create(limit)).ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong At(Vector512<ulong> parts, ushort limit) =>
        Vector512.Equals(parts.AsUInt16(), Vector512.Create(limit)).ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool HasAt(Vector512<ulong> parts, Vector512<ulong> others, ushort limit) =>
        (Vector512.Equals(parts.AsUInt16(), Vector512.Create(limit)) | Vector512.Equals(others.AsUInt16(), Vector512.Create(limit)))
            != Vector512<ushort>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<ulong> value, ref ushort target) => value.AsUInt16().StoreUnsafe(ref target);
}

internal readonly struct CounterLanes256 : ICounterLanes<Vector256<ulong>>
{
    public static int Count => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> Create(ulong value) => Vector256.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> CountFrom(ulong first) => Vector256.Create(first) + Vector256<ulong>.Indices;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> Xor(Vector256<ulong> left, Vector256<ulong> right) => left ^ right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> Upper(Vector256<ulong> lanes) => lanes >>> 32;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> MultiplyLow(Vector256<ulong> lanes, uint factor) =>
        Avx2.IsSupported
            ? Avx2.Multiply(lanes.AsUInt32(), Vector256.Create(factor))
            : (lanes & Vector256.Create(0xFFFF_FFFFul)) * (ulong)factor;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> Join(Vector256<ulong> lower, Vector256<ulong> upper) =>
        Vector256.ConditionalSelect(Vector256.Create(0xFFFF_FFFFul), lower, upper << 32);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Below(Vector256<ulong> parts, ushort limit) =>
        Vector256.LessThan(parts.AsUInt16(), Vector256.Create(limit)).ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong At(Vector256<ulong> parts, ushort limit) =>
        Vector256.Equals(parts.AsUInt16(), Vector256.Create(limit)).ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool HasAt(Vector256<ulong> parts, Vector256<ulong> others, ushort limit) =>
        (Vector256.Equals(parts.AsUInt16(), Vector256.Create(limit)) | Vector256.Equals(others.AsUInt16(), Vector256.Create(limit)))
            != Vector256<ushort>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<ulong> value, ref ushort target) => value.AsUInt16().StoreUnsafe(ref target);
}

internal readonly struct CounterLanes128 : ICounterLanes<Vector128<ulong>>
{
    public static int Count => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> Create(ulong value) => Vector128.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> CountFrom(ulong first) => Vector128.Create(first) + Vector128<ulong>.Indices;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> Xor(Vector128<ulong> left, Vector128<ulong> right) => left ^ right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> Upper(Vector128<ulong> lanes) => lanes >>> 32;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> MultiplyLow(Vector128<ulong> lanes, uint factor) =>
        Sse2.IsSupported ? Sse2.Multiply(lanes.AsUInt32(), Vector128.Create(factor))
        : AdvSimd.IsSupported ? AdvSimd.MultiplyWideningLower(AdvSimd.ExtractNarrowingLower(lanes), Vector64.Create(factor))
        : (lanes & Vector128.Create(0xFFFF_FFFFul)) * (ulong)factor;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> Join(Vector128<ulong> lower, Vector128<ulong> upper) =>
        Vector128.ConditionalSelect(Vector128.Create(0xFFFF_FFFFul), lower, upper << 32);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Below(Vector128<ulong> parts, ushort limit) =>
        Vector128.LessThan(parts.AsUInt16(), Vector128.Create(limit)).ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong At(Vector128<ulong> parts, ushort limit) =>
        Vector128.Equals(parts.AsUInt16(), Vector128.Create(limit)).ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool HasAt(Vector128<ulong> parts, Vector128<ulong> others, ushort limit) =>
        (Vector128.Equals(parts.AsUInt16(), Vector128.Create(limit)) | Vector128.Equals(others.AsUInt16(), Vector128.Create(limit)))
            != Vector128<ushort>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128<ulong> value, ref ushort target) => value.AsUInt16().StoreUnsafe(ref target);
}
