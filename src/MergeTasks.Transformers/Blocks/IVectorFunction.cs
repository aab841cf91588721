using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MergeTasks.Transformers.Blocks;

/// <summary>A differentiable function of one number, 16 at a time; inlined, so that the loops around them are compiled whole.</summary>
internal interface IVectorFunction
{
    /// <summary>f(x) and f′(x).</summary>
    static abstract (Vector512<float> Value, Vector512<float> Slope) Evaluate(Vector512<float> x);
}

internal readonly struct IdentityFunction : IVectorFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> Value, Vector512<float> Slope) Evaluate(Vector512<float> x) => (x, Vector512<float>.One);
}

internal readonly struct SigmoidFunction : IVectorFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> Value, Vector512<float> Slope) Evaluate(Vector512<float> x)
    {
        var value = Of(x);
        return (value, value * (Vector512<float>.One - value));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Of(Vector512<float> x) => Vector512<float>.One / (Vector512<float>.One + Exponential.Of(-x));
}

internal readonly struct TanhFunction : IVectorFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> Value, Vector512<float> Slope) Evaluate(Vector512<float> x)
    {
        var value = Of(x);
        return (value, Vector512<float>.One - value * value);
    }

    // Written with σ, because 2σ(2x) − 1 neither overflows nor divides infinities.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Of(Vector512<float> x) => 2 * SigmoidFunction.Of(2 * x) - Vector512<float>.One;
}

internal readonly struct SiluFunction : IVectorFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> Value, Vector512<float> Slope) Evaluate(Vector512<float> x)
    {
        var sigmoid = SigmoidFunction.Of(x);
        return (x * sigmoid, sigmoid * (Vector512<float>.One + x * (Vector512<float>.One - sigmoid)));
    }
}

internal readonly struct GeluSigmoidFunction : IVectorFunction
{
    private const float Steepness = 1.702f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> Value, Vector512<float> Slope) Evaluate(Vector512<float> x)
    {
        var sigmoid = SigmoidFunction.Of(Steepness * x);
        return (x * sigmoid, sigmoid * (Vector512<float>.One + Steepness * x * (Vector512<float>.One - sigmoid)));
    }
}

internal readonly struct GeluTanhFunction : IVectorFunction
{
    private const float Root = 0.79788456080286535588f;
    private const float Cubic = 0.044715f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> Value, Vector512<float> Slope) Evaluate(Vector512<float> x)
    {
        var one = Vector512<float>.One;
        var tanh = TanhFunction.Of(Root * (x + Cubic * x * x * x));
        var half = 0.5f * (one + tanh);
        return (x * half, half + 0.5f * x * (one - tanh * tanh) * Root * (one + 3 * Cubic * x * x));
    }
}

internal readonly struct GeluFunction : IVectorFunction
{
    private const float RootOfHalf = 0.70710678118654752440f;
    private const float NormalPeak = 0.39894228040143267794f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> Value, Vector512<float> Slope) Evaluate(Vector512<float> x)
    {
        var share = 0.5f * (Vector512<float>.One + ErrorFunction.Of(RootOfHalf * x));
        return (x * share, share + x * NormalPeak * Exponential.Of(-0.5f * x * x));
    }
}

internal readonly struct ReluFunction : IVectorFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> Value, Vector512<float> Slope) Evaluate(Vector512<float> x)
    {
        var positive = Vector512.GreaterThan(x, Vector512<float>.Zero);
        return (x & positive, Vector512<float>.One & positive);
    }
}

internal readonly struct ReluSquaredFunction : IVectorFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> Value, Vector512<float> Slope) Evaluate(Vector512<float> x)
    {
        var positive = x & Vector512.GreaterThan(x, Vector512<float>.Zero);
        return (positive * positive, 2 * positive);
    }
}

internal readonly struct Relu6Function : IVectorFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> Value, Vector512<float> Slope) Evaluate(Vector512<float> x)
    {
        var six = Vector512.Create(6f);
        var inside = Vector512.GreaterThan(x, Vector512<float>.Zero) & Vector512.LessThan(x, six);
        return (Vector512.Min(Vector512.Max(x, Vector512<float>.Zero), six), Vector512<float>.One & inside);
    }
}

internal readonly struct LeakyReluFunction : IVectorFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> Value, Vector512<float> Slope) Evaluate(Vector512<float> x)
    {
        var slope = Vector512.ConditionalSelect(
            Vector512.GreaterThan(x, Vector512<float>.Zero), Vector512<float>.One, Vector512.Create(0.01f));
        return (x * slope, slope);
    }
}

internal readonly struct GeluClampedFunction : IVectorFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> Value, Vector512<float> Slope) Evaluate(Vector512<float> x)
    {
        // GELU is never below -0.17, so that only the upper bound acts.
        var (value, slope) = GeluFunction.Evaluate(x);
        var limit = Vector512.Create(10f);
        return (Vector512.Min(value, limit), slope & Vector512.LessThanOrEqual(value, limit));
    }
}

internal readonly struct MishFunction : IVectorFunction
{
    // tanh(ln(1 + eˣ)) = (e²ˣ + 2eˣ) / (e²ˣ + 2eˣ + 2), which is 1 in fp32 from x = 20 on, long before e²ˣ overflows.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> Value, Vector512<float> Slope) Evaluate(Vector512<float> x)
    {
        var exponential = Exponential.Of(Vector512.Min(x, Vector512.Create(20f)));
        var grown = exponential * (exponential + Vector512.Create(2f));
        var tanh = grown / (grown + Vector512.Create(2f));
        return (x * tanh, tanh + x * (Vector512<float>.One - tanh * tanh) * SigmoidFunction.Of(x));
    }
}
