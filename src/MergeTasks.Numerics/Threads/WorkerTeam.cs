namespace MergeTasks.Numerics.Threads;

/// <summary>Spreads numbered items over threads; items start in order, and the first failure ends the rest.</summary>
/// <param name="workers">Number of threads.</param>
/// <param name="cancellation">Ends the work between items.</param>
internal sealed class WorkerTeam(int workers, CancellationToken cancellation)
{
    public int Count => workers;

    /// <summary>Calls <paramref name="body"/> with a worker's number and an item's.</summary>
    public void Run(long items, bool sequential, Action<int, long> body)
    {
        var threads = (int)Math.Min(workers, items);
        if (sequential || threads <= 1)
        {
            for (var item = 0L; item < items; item++)
            {
                cancellation.ThrowIfCancellationRequested();
                body(0, item);
            }

            return;
        }

        var (next, failed) = (-1L, false);
        Workers.For(threads, threads, worker =>
        {
            try
            {
                while (!Volatile.Read(ref failed)
                    && !cancellation.IsCancellationRequested
                    && Interlocked.Increment(ref next) is var item
                    && item < items)
                    body(worker, item);
            }
            catch
            {
                Volatile.Write(ref failed, true);
                throw;
            }
        });
        cancellation.ThrowIfCancellationRequested();
    }
}
