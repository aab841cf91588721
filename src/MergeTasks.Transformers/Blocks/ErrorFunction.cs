using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MergeTasks.Transformers.Blocks;

/// <summary>
/// The error function by the rational approximations of W. J. Cody, "Rational Chebyshev approximations for the error function",
/// Mathematics of Computation 23 (1969): of erf(x)/x near 0, of exp(x²) · erfc(x) up to 4. Beyond, erf is ±1 in fp32.
/// </summary>
internal static class ErrorFunction
{
    private const float Near = 0.46875f;

    private static readonly float[] NearNumerator =
        [1.85777706184603153e-1f, 3.16112374387056560e0f, 1.13864154151050156e2f, 3.77485237685302021e2f, 3.20937758913846947e3f];

    private static readonly float[] NearDenominator =
        [1f, 2.36012909523441209e1f, 2.44024637934444173e2f, 1.28261652607737228e3f, 2.84423683343917062e3f];

    private static readonly float[] FarNumerator =
    [
        2.15311535474403846e-8f, 5.64188496988670089e-1f, 8.88314979438837594e0f, 6.61191906371416295e1f, 2.98635138197400131e2f,
        8.81952221241769090e2f, 1.71204761263407058e3f, 2.05107837782607147e3f, 1.23033935479799725e3f,
    ];

    private static readonly float[] FarDenominator =
    [
        1f, 1.57449261107098347e1f, 1.17693950891312499e2f, 5.37181101862009858e2f, 1.62138957456669019e3f,
        3.29079923573345963e3f, 4.36261909014324716e3f, 3.43936767414372164e3f, 1.23033935480374942e3f,
    ];

    /// <summary>erf of 16 numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Vector512<float> Of(Vector512<float> x)
    {
        var size = Vector512.Min(Vector512.Abs(x), Vector512.Create(4f));
        var square = x * x;
        var near = x * Polynomial(NearNumerator, square) / Polynomial(NearDenominator, square);
        var complement = Exponential.Of(-size * size) * Polynomial(FarNumerator, size) / Polynomial(FarDenominator, size);
        var far = Vector512.CopySign(Vector512<float>.One - complement, x);
        return Vector512.ConditionalSelect(Vector512.LessThan(size, Vector512.Create(Near)), near, far);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Polynomial(ReadOnlySpan<float> coefficients, Vector512<float> x)
    {
        var value = Vector512.Create(coefficients[0]);
        for (var i = 1; i < coefficients.Length; i++)
            value = Vector512.MultiplyAddEstimate(value, x, Vector512.Create(coefficients[i]));
        return value;
    }
}
