using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Kernels;

namespace MergeTasks.Methods.BuiltIn;

/// <summary>
/// Riemannian centre of mass of the models on the sphere (Karcher 1977), whole tensors as vectors. With uᵢ = xᵢ/‖xᵢ‖ of the models with
/// ‖xᵢ‖ &gt; tol, all weighing αᵢ = 1/N (renormalised among these): u starts as Σ αᵢuᵢ, normalised, or as the first uᵢ where that sum is
/// shorter than tol. At most <c>max_iter</c> times: dᵢ = uᵢ·u, θᵢ = arccos dᵢ, T = Σ αᵢ(θᵢ/sin θᵢ)(uᵢ − dᵢu) over those with θᵢ ≥ tol; stop
/// if ‖T‖ &lt; tol; u ← cos‖T‖·u + sin‖T‖·T/‖T‖. A uᵢ opposite to u pulls nowhere (θᵢ &gt; π − tol). Then out = u·(1/N)Σ ‖xᵢ‖. All lengths
/// zero: zeros.
/// </summary>
/// <remarks>
/// u is a combination of the uᵢ, so the iteration runs on factors and scalar products, in fp64. Compatibility mode computes them so as well
/// and rounds only sums to the tensor's type. A base has no effect unless it is listed among the models (in compatibility mode it counts as
/// one).
/// </remarks>
internal sealed class KarcherMethod : MergeMethod
{
    // Rounding alone makes opposite vectors differ from a straight angle by this much.
    private const double SmallestAngle = 1e-7;

    /// <inheritdoc/>
    public override string Name => "karcher";

    /// <inheritdoc/>
    public override string Summary => "Centre of mass of the models on the sphere, with the mean of their lengths.";

    /// <inheritdoc/>
    public override string Source => "https://doi.org/10.1002/cpa.3160300502";

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterDeclaration> Parameters { get; } =
    [
        new("max_iter", 10, "Most steps.") { Minimum = 0 },
        new("tol", 1e-5, "Steps, angles and lengths below this count as zero.") { Minimum = 0 },
    ];

    /// <inheritdoc/>
    public override TensorMerge Begin(TensorContext context) =>
        new CombiningMerge(
            context, VectorAxis.Tensor, (gram, factors) => FindCentre(gram, (int)context["max_iter"], context["tol"], factors));

    private static void FindCentre(Gram gram, int steps, double tolerance, Span<double> factors)
    {
        // u = Σ cᵢuᵢ. Cosines between the unit vectors replace the vectors themselves.
        var (models, meanLength) = (gram.Models, 0.0);
        var lengths = new double[models];
        var taking = 0;
        for (var i = 0; i < models; i++)
        {
            lengths[i] = gram.Norm(i);
            meanLength += lengths[i] / models;
            taking += lengths[i] > tolerance ? 1 : 0;
        }

        factors.Clear();
        if (taking == 0)
            return;
        var cosines = new double[models, models];
        var shares = new double[models];
        for (var i = 0; i < models; i++)
        {
            shares[i] = lengths[i] > tolerance ? 1.0 / taking : 0;
            for (var j = 0; j < models; j++)
                cosines[i, j] = shares[i] > 0 && lengths[j] > tolerance ? gram[i, j] / (lengths[i] * lengths[j]) : 0;
        }

        var centre = Iterate(cosines, shares, steps, tolerance);
        for (var i = 0; i < models; i++)
            factors[i] = shares[i] > 0 ? centre[i] * meanLength / lengths[i] : 0;
    }

    private static double[] Iterate(double[,] cosines, double[] shares, int steps, double tolerance)
    {
        var models = shares.Length;
        var centre = (double[])shares.Clone();
        if (Norm(cosines, centre) is var start && start >= tolerance && start > 0)
        {
            Scale(centre, 1 / start);
        }
        else
        {
            Array.Clear(centre);
            centre[Array.FindIndex(shares, share => share > 0)] = 1;
        }

        var tangent = new double[models];
        for (var step = 0; step < steps; step++)
        {
            Array.Clear(tangent);
            for (var i = 0; i < models; i++)
            {
                if (shares[i] == 0)
                    continue;
                var cosine = Math.Clamp(Dot(cosines, i, centre), -1, 1);
                var angle = Math.Acos(cosine);
                if (angle < tolerance || angle > Math.PI - Math.Max(tolerance, SmallestAngle))
                    continue;
                var pull = shares[i] * angle / Math.Sin(angle);
                tangent[i] += pull;
                for (var j = 0; j < models; j++)
                    tangent[j] -= pull * cosine * centre[j];
            }

            var length = Norm(cosines, tangent);
            if (length < tolerance || length == 0)
                break;
            for (var j = 0; j < models; j++)
                centre[j] = (Math.Cos(length) * centre[j]) + (Math.Sin(length) / length * tangent[j]);
            if (Norm(cosines, centre) is var norm && norm > tolerance)
                Scale(centre, 1 / norm);
        }

        return centre;
    }

    private static void Scale(double[] vector, double factor)
    {
        for (var i = 0; i < vector.Length; i++)
            vector[i] *= factor;
    }

    private static double Dot(double[,] cosines, int unit, double[] vector)
    {
        var sum = 0.0;
        for (var j = 0; j < vector.Length; j++)
            sum += cosines[unit, j] * vector[j];
        return sum;
    }

    private static double Norm(double[,] cosines, double[] vector)
    {
        var squares = 0.0;
        for (var i = 0; i < vector.Length; i++)
            squares += vector[i] * Dot(cosines, i, vector);
        return Math.Sqrt(Math.Max(0, squares));
    }
}
