using System.Runtime.Intrinsics;

namespace MergeTasks.Merging.Methods;

/// <summary>What methods on whole matrices have in common: independent steps spread over threads, and fp64 sums in a fixed order.</summary>
/// <param name="threads">Threads to use.</param>
/// <param name="cancellation">Ends the work between steps.</param>
internal sealed class MatrixWork(int threads, CancellationToken cancellation)
{
    private const int SmallestParallel = 1 << 16;

    /// <summary>Σ aᵢbᵢ, in an order that depends on the length alone.</summary>
    public static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        var sum = Vector512<double>.Zero;
        var i = 0;
        for (; i <= a.Length - Vector512<double>.Count; i += Vector512<double>.Count)
            sum += Vector512.Create(a[i..]) * Vector512.Create(b[i..]);
        var total = ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
        for (; i < a.Length; i++)
            total += a[i] * b[i];
        return total;
    }

    /// <summary>Runs independent steps on the threads.</summary>
    /// <param name="steps">Number of steps.</param>
    /// <param name="numbers">Numbers that a step reads, which decides whether threads are worth it.</param>
    /// <param name="step">A step.</param>
    public void ForEach(int steps, long numbers, Action<int> step)
    {
        cancellation.ThrowIfCancellationRequested();
        if (threads > 1 && steps * numbers >= SmallestParallel)
        {
            Parallel.For(0, steps, new ParallelOptions { MaxDegreeOfParallelism = threads }, step);
            return;
        }

        for (var i = 0; i < steps; i++)
            step(i);
    }
}
