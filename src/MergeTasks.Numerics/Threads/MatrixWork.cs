namespace MergeTasks.Numerics.Threads;

/// <summary>Spreads independent steps of work on matrices over threads.</summary>
/// <param name="threads">Threads to use.</param>
/// <param name="cancellation">Ends the work between steps.</param>
internal sealed class MatrixWork(int threads, CancellationToken cancellation)
{
    private const int SmallestParallel = 1 << 16;

    /// <summary>Ends the work between steps.</summary>
    public CancellationToken Cancellation => cancellation;

    /// <summary>How many threads are worth it for work that reads, or multiplies, so many numbers.</summary>
    public int ThreadsFor(long numbers) => numbers >= SmallestParallel ? threads : 1;

    /// <summary>Runs independent steps on the threads.</summary>
    /// <param name="steps">Number of steps.</param>
    /// <param name="numbers">Numbers that a step reads, which decides whether threads are worth it.</param>
    /// <param name="step">A step.</param>
    public void ForEach(int steps, long numbers, Action<int> step)
    {
        cancellation.ThrowIfCancellationRequested();
        Workers.For(ThreadsFor(steps * numbers), steps, step);
    }
}
