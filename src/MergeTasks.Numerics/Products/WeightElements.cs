using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MergeTasks.Numerics.Products;

/// <summary>Reading one element format as fp32, exactly; no alignment is assumed.</summary>
internal unsafe interface IWeightElement
{
    /// <summary>Bytes per element.</summary>
    static abstract int Size { get; }

    static abstract float Load1(byte* source);

    static abstract Vector128<float> Load4(byte* source);

    static abstract Vector256<float> Load8(byte* source);

    static abstract Vector512<float> Load16(byte* source);

    /// <summary>The elements in the lower halves of 32-bit words, or the words themselves where an element fills one.</summary>
    static abstract Vector128<float> Lower(Vector128<uint> words);

    /// <inheritdoc cref="Lower(Vector128{uint})"/>
    static abstract Vector512<float> Lower(Vector512<uint> words);

    /// <summary>The elements in the upper halves of 32-bit words; meaningless where an element fills one.</summary>
    static abstract Vector128<float> Upper(Vector128<uint> words);

    /// <inheritdoc cref="Upper(Vector128{uint})"/>
    static abstract Vector512<float> Upper(Vector512<uint> words);
}

internal readonly unsafe struct Float32Element : IWeightElement
{
    public static int Size => sizeof(float);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Load1(byte* source) => Unsafe.ReadUnaligned<float>(source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Load4(byte* source) => Vector128.Load((float*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load8(byte* source) => Vector256.Load((float*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load16(byte* source) => Vector512.Load((float*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Lower(Vector128<uint> words) => words.AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Lower(Vector512<uint> words) => words.AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Upper(Vector128<uint> words) => words.AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Upper(Vector512<uint> words) => words.AsSingle();
}

internal readonly unsafe struct BFloat16Element : IWeightElement
{
    public static int Size => sizeof(ushort);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Load1(byte* source) => BitConverter.UInt32BitsToSingle((uint)Unsafe.ReadUnaligned<ushort>(source) << 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Load4(byte* source) =>
        (Vector128.WidenLower(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<ulong>(source)).AsUInt16()) << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load8(byte* source) =>
        (Vector256.WidenLower(Vector128.Load((ushort*)source).ToVector256Unsafe()) << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load16(byte* source) =>
        (Vector512.WidenLower(Vector256.Load((ushort*)source).ToVector512Unsafe()) << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Lower(Vector128<uint> words) => (words << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Lower(Vector512<uint> words) => (words << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Upper(Vector128<uint> words) => (words & Vector128.Create(0xFFFF0000u)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Upper(Vector512<uint> words) => (words & Vector512.Create(0xFFFF0000u)).AsSingle();
}

/// <summary>
/// Binary16: normal numbers are shifted into place and rebiased by 112 (127 - 15), infinities and NaNs once more, and subnormals are
/// their integer mantissa times 2^-24, which is exact.
/// </summary>
internal readonly unsafe struct Float16Element : IWeightElement
{
    private const uint Magnitude = 0x7FFF;
    private const int Infinity = 0x7C00;
    private const int LeastNormal = 0x0400;
    private const uint Rebias = 112u << 23;
    private const float SubnormalUnit = 1f / (1 << 24);

    public static int Size => sizeof(ushort);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Load1(byte* source) => (float)BitConverter.UInt16BitsToHalf(Unsafe.ReadUnaligned<ushort>(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Load4(byte* source) =>
        Widen(Vector128.WidenLower(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<ulong>(source)).AsUInt16()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load8(byte* source) =>
        Widen(Vector256.WidenLower(Vector128.Load((ushort*)source).ToVector256Unsafe()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load16(byte* source) =>
        Widen(Vector512.WidenLower(Vector256.Load((ushort*)source).ToVector512Unsafe()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Lower(Vector128<uint> words) => Widen(words & Vector128.Create(0xFFFFu));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Lower(Vector512<uint> words) => Widen(words & Vector512.Create(0xFFFFu));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Upper(Vector128<uint> words) => Widen(words >> 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Upper(Vector512<uint> words) => Widen(words >> 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Widen(Vector128<uint> half)
    {
        var magnitude = half & Vector128.Create(Magnitude);
        var normal = (magnitude << 13) + Vector128.Create(Rebias);
        normal += Vector128.GreaterThanOrEqual(magnitude.AsInt32(), Vector128.Create(Infinity)).AsUInt32() & Vector128.Create(Rebias);
        var subnormal = Vector128.ConvertToSingle(magnitude.AsInt32()) * Vector128.Create(SubnormalUnit);
        var isNormal = Vector128.GreaterThanOrEqual(magnitude.AsInt32(), Vector128.Create(LeastNormal)).AsUInt32();
        var value = Vector128.ConditionalSelect(isNormal, normal, subnormal.AsUInt32());
        return (value | ((half ^ magnitude) << 16)).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Widen(Vector256<uint> half)
    {
        var magnitude = half & Vector256.Create(Magnitude);
        var normal = (magnitude << 13) + Vector256.Create(Rebias);
        normal += Vector256.GreaterThanOrEqual(magnitude.AsInt32(), Vector256.Create(Infinity)).AsUInt32() & Vector256.Create(Rebias);
        var subnormal = Vector256.ConvertToSingle(magnitude.AsInt32()) * Vector256.Create(SubnormalUnit);
        var isNormal = Vector256.GreaterThanOrEqual(magnitude.AsInt32(), Vector256.Create(LeastNormal)).AsUInt32();
        var value = Vector256.ConditionalSelect(isNormal, normal, subnormal.AsUInt32());
        return (value | ((half ^ magnitude) << 16)).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Widen(Vector512<uint> half)
    {
        var magnitude = half & Vector512.Create(Magnitude);
        var normal = (magnitude << 13) + Vector512.Create(Rebias);
        normal += Vector512.GreaterThanOrEqual(magnitude.AsInt32(), Vector512.Create(Infinity)).AsUInt32() & Vector512.Create(Rebias);
        var subnormal = Vector512.ConvertToSingle(magnitude.AsInt32()) * Vector512.Create(SubnormalUnit);
        var isNormal = Vector512.GreaterThanOrEqual(magnitude.AsInt32(), Vector512.Create(LeastNormal)).AsUInt32();
        var value = Vector512.ConditionalSelect(isNormal, normal, subnormal.AsUInt32());
        return (value | ((half ^ magnitude) << 16)).AsSingle();
    }
}
