using System.Runtime.ExceptionServices;

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

        var next = -1L;
        ExceptionDispatchInfo? failure = null;
        Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads }, worker =>
        {
            try
            {
                while (failure is null
                    && !cancellation.IsCancellationRequested
                    && Interlocked.Increment(ref next) is var item
                    && item < items)
                    body(worker, item);
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref failure, ExceptionDispatchInfo.Capture(e), null);
            }
        });
        failure?.Throw();
        cancellation.ThrowIfCancellationRequested();
    }
}
