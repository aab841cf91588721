using System.Numerics.Tensors;

namespace MergeTasks.Numerics.Algebra;

/// <summary>Orthonormal bases in double precision.</summary>
internal static class OrthonormalColumns
{
    // Beside the largest column, what is left of a dependent one is rounding.
    private const double Negligible = 1e-13;

    /// <summary>
    /// Replaces vectors by orthonormal ones that span the same space, by modified Gram–Schmidt, twice over ("twice is enough", Giraud et
    /// al.
    /// 2005). Vectors that depend on earlier ones become zeros.
    /// </summary>
    /// <param name="vectors">The vectors one after the other.</param>
    /// <param name="length">Length of each.</param>
    public static void Make(double[] vectors, int length)
    {
        var count = vectors.Length / Math.Max(1, length);
        var largest = 0.0;
        for (var i = 0; i < count; i++)
            largest = Math.Max(largest, TensorPrimitives.Norm<double>(Vector(i)));
        for (var i = 0; i < count; i++)
        {
            var own = Vector(i);
            var before = TensorPrimitives.Norm<double>(own);
            for (var round = 0; round < 2; round++)
            {
                for (var j = 0; j < i; j++)
                    TensorPrimitives.MultiplyAdd(Vector(j), -TensorPrimitives.Dot<double>(Vector(j), own), own, own);
            }

            var norm = TensorPrimitives.Norm<double>(own);
            if (norm <= Negligible * Math.Max(largest, before))
                own.Clear();
            else
                TensorPrimitives.Divide(own, norm, own);
        }

        Span<double> Vector(int index) => vectors.AsSpan(index * length, length);
    }
}
