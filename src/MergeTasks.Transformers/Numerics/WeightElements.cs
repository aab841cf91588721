using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MergeTasks.Transformers.Numerics;

/// <summary>Reading one element format as fp32, exactly; no alignment is assumed.</summary>
internal unsafe interface IWeightElement
{
    static abstract int Size { get; }

    static abstract float Load1(byte* source);

    static abstract Vector128<float> Load4(byte* source);

    static abstract Vector256<float> Load8(byte* source);

    static abstract Vector512<float> Load16(byte* source);
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
}

/// <summary>
/// Binary16: normal numbers are shifted into place and rebiased by 112 (127 - 15), infinities and NaNs once more, and subnormals are
/// their integer mantissa times 2^-24, which is exact.
/// </summary>
internal readonly unsafe struct Float16Element : IWeightElement
{
    private const uint Magnitude = 0x7FFF;
    private const uint Rebias = 112u << 23;
    private const float SubnormalUnit = 1f / (1 << 24);

    public static int Size => sizeof(ushort);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Load1(byte* source) => (float)BitConverter.UInt16BitsToHalf(Unsafe.ReadUnaligned<ushort>(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Load4(byte* source)
    {
        var half = Vector128.WidenLower(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<ulong>(source)).AsUInt16());
        var magnitude = half & Vector128.Create(Magnitude);
        var normal = (magnitude << 13) + Vector128.Create(Rebias);
        normal += Vector128.GreaterThanOrEqual(magnitude.AsInt32(), Vector128.Create(0x7C00)).AsUInt32() & Vector128.Create(Rebias);
        var subnormal = Vector128.ConvertToSingle(magnitude.AsInt32()) * Vector128.Create(SubnormalUnit);
        var isNormal = Vector128.GreaterThanOrEqual(magnitude.AsInt32(), Vector128.Create(0x0400)).AsUInt32();
        var value = Vector128.ConditionalSelect(isNormal, normal, subnormal.AsUInt32());
        return (value | ((half ^ magnitude) << 16)).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load8(byte* source)
    {
        var half = Vector256.WidenLower(Vector128.Load((ushort*)source).ToVector256Unsafe());
        var magnitude = half & Vector256.Create(Magnitude);
        var normal = (magnitude << 13) + Vector256.Create(Rebias);
        normal += Vector256.GreaterThanOrEqual(magnitude.AsInt32(), Vector256.Create(0x7C00)).AsUInt32() & Vector256.Create(Rebias);
        var subnormal = Vector256.ConvertToSingle(magnitude.AsInt32()) * Vector256.Create(SubnormalUnit);
        var isNormal = Vector256.GreaterThanOrEqual(magnitude.AsInt32(), Vector256.Create(0x0400)).AsUInt32();
        var value = Vector256.ConditionalSelect(isNormal, normal, subnormal.AsUInt32());
        return (value | ((half ^ magnitude) << 16)).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load16(byte* source)
    {
        var half = Vector512.WidenLower(Vector256.Load((ushort*)source).ToVector512Unsafe());
        var magnitude = half & Vector512.Create(Magnitude);
        var normal = (magnitude << 13) + Vector512.Create(Rebias);
        normal += Vector512.GreaterThanOrEqual(magnitude.AsInt32(), Vector512.Create(0x7C00)).AsUInt32() & Vector512.Create(Rebias);
        var subnormal = Vector512.ConvertToSingle(magnitude.AsInt32()) * Vector512.Create(SubnormalUnit);
        var isNormal = Vector512.GreaterThanOrEqual(magnitude.AsInt32(), Vector512.Create(0x0400)).AsUInt32();
        var value = Vector512.ConditionalSelect(isNormal, normal, subnormal.AsUInt32());
        return (value | ((half ^ magnitude) << 16)).AsSingle();
    }
}
