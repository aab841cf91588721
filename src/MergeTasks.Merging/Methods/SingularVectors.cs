using System.Runtime.Intrinsics;

namespace MergeTasks.Merging.Methods;

/// <summary>
/// Singular value decomposition in fp64 by one-sided Jacobi rotations (Hestenes 1958): pairs of vectors are rotated until all are orthogonal. Every round of a
/// sweep rotates pairs that have no vector in common, so results do not depend on threads.
/// </summary>
/// <param name="work">Threads.</param>
internal sealed class SingularVectors(MatrixWork work)
{
    private const int MostSweeps = 60;
    private const double Orthogonal = 1e-14;

    /// <summary>
    /// Decomposes vectors a₁…a_n, the rows of a matrix A [n, length]: on return they are σⱼ·uⱼ, in descending order of σⱼ, and
    /// A = Σ vⱼ(σⱼuⱼ)ᵀ.
    /// </summary>
    /// <param name="vectors">The vectors; replaced.</param>
    /// <returns>vⱼ, of n numbers each.</returns>
    public double[][] Decompose(double[][] vectors)
    {
        var count = vectors.Length;
        var rotations = new double[count][];
        for (var i = 0; i < count; i++)
        {
            rotations[i] = new double[count];
            rotations[i][i] = 1;
        }

        for (var (sweep, isDone) = (0, count < 2); !isDone && sweep < MostSweeps; sweep++)
            isDone = !Sweep(vectors, rotations);
        var norms = Array.ConvertAll(vectors, vector => MatrixWork.Dot(vector, vector));
        int[] order = [.. Enumerable.Range(0, count).OrderByDescending(i => norms[i])];
        var (sorted, directions) = (Array.ConvertAll(order, i => vectors[i]), Array.ConvertAll(order, i => rotations[i]));
        sorted.CopyTo(vectors, 0);
        return directions;
    }

    // A tournament: one place is fixed, the others move on by one after every round, and opposite places meet.
    private bool Sweep(double[][] vectors, double[][] rotations)
    {
        var places = vectors.Length + (vectors.Length % 2);
        var rotated = 0;
        for (var round = 0; round < places - 1; round++)
        {
            var moved = round;
            work.ForEach(places / 2, 2L * (vectors[0].Length + rotations.Length), pair =>
            {
                var first = pair == 0 ? places - 1 : (moved + pair) % (places - 1);
                var second = (moved + places - 1 - pair) % (places - 1);
                var (p, q) = (Math.Min(first, second), Math.Max(first, second));
                if (q < vectors.Length && Rotate(vectors, rotations, p, q))
                    Interlocked.Exchange(ref rotated, 1);
            });
        }

        return rotated != 0;
    }

    private static bool Rotate(double[][] vectors, double[][] rotations, int p, int q)
    {
        var (a, b, product) = (MatrixWork.Dot(vectors[p], vectors[p]), MatrixWork.Dot(vectors[q], vectors[q]), MatrixWork.Dot(vectors[p], vectors[q]));
        if (Math.Abs(product) <= Orthogonal * Math.Sqrt(a) * Math.Sqrt(b) || product == 0)
            return false;
        var zeta = (b - a) / (2 * product);
        var tangent = Math.CopySign(1, zeta) / (Math.Abs(zeta) + Math.Sqrt(1 + (zeta * zeta)));
        var cosine = 1 / Math.Sqrt(1 + (tangent * tangent));
        Turn(vectors[p], vectors[q], cosine, cosine * tangent);
        Turn(rotations[p], rotations[q], cosine, cosine * tangent);
        return true;
    }

    private static void Turn(Span<double> first, Span<double> second, double cosine, double sine)
    {
        var i = 0;
        for (; i <= first.Length - 8; i += 8)
        {
            var x = Vector512.Create<double>(first[i..]);
            var y = Vector512.Create<double>(second[i..]);
            Vector512.CopyTo((x * cosine) - (y * sine), first[i..]);
            Vector512.CopyTo((x * sine) + (y * cosine), second[i..]);
        }

        for (; i < first.Length; i++)
            (first[i], second[i]) = ((first[i] * cosine) - (second[i] * sine), (first[i] * sine) + (second[i] * cosine));
    }
}
