using System.Runtime.ExceptionServices;

namespace MergeTasks.Numerics.Threads;

/// <summary>
/// Spreads numbered pieces of work over the shared thread pool: the one way in which this product divides work. The calling thread takes
/// part and can finish everything alone, so calls may nest and run side by side without deadlock. Which thread does which piece is not
/// fixed: a piece's result must not depend on it.
/// </summary>
internal static class Workers
{
    /// <summary>Runs <paramref name="work"/> once for each number below <paramref name="pieces"/>; returns when all are done.</summary>
    /// <param name="threads">Most threads to use, the caller included; at least 1.</param>
    /// <param name="pieces">Number of pieces; they are handed out in ascending order.</param>
    /// <param name="work">The work of one piece.</param>
    /// <remarks>After an exception no further piece starts, and the first one is rethrown when the running ones have ended.</remarks>
    public static void For(int threads, int pieces, Action<int> work)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        if (threads == 1 || pieces <= 1)
        {
            for (var piece = 0; piece < pieces; piece++)
                work(piece);
            return;
        }

        var region = new Region(pieces, work);
        for (var helper = Math.Min(threads, pieces) - 1; helper > 0; helper--)
            ThreadPool.UnsafeQueueUserWorkItem(region, preferLocal: false);
        region.Execute();
        region.Join();
    }

    private sealed class Region(int pieces, Action<int> work) : IThreadPoolWorkItem
    {
        private readonly object _asleep = new();

        // Turns of the waiting thread before it sleeps: pieces of the engine are short, chunks of files are not.
        private const int SpinsBeforeSleep = 100;

        private int _next;
        private int _finished;
        private bool _isWaiting;
        private ExceptionDispatchInfo? _failure;

        public void Execute()
        {
            int piece;
            while ((piece = Interlocked.Increment(ref _next) - 1) < pieces)
            {
                try
                {
                    if (_failure is null)
                        work(piece);
                }
#pragma warning disable CA1031 // Carried to the caller of For, whatever it is.
                catch (Exception exception)
                {
                    Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(exception), null);
                }
#pragma warning restore CA1031
                if (Interlocked.Increment(ref _finished) == pieces && Volatile.Read(ref _isWaiting))
                {
                    lock (_asleep)
                        Monitor.Pulse(_asleep);
                }
            }
        }

        // Only pieces that another thread is running right now are waited for: a helper that the pool has not started takes none.
        public void Join()
        {
            var spin = new SpinWait();
            while (Volatile.Read(ref _finished) < pieces && spin.Count < SpinsBeforeSleep)
                spin.SpinOnce(sleep1Threshold: -1);
            lock (_asleep)
            {
                // Either this sees the last piece finished, or whoever finishes it sees that it is waited for.
                Volatile.Write(ref _isWaiting, true);
                Interlocked.MemoryBarrier();
                while (Volatile.Read(ref _finished) < pieces)
                    Monitor.Wait(_asleep);
            }

            _failure?.Throw();
        }
    }
}
