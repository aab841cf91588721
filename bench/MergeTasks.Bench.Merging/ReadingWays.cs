using System.Globalization;
using System.IO.MemoryMappedFiles;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace MergeTasks.Bench.Merging;

/// <summary>What it costs to look at each byte of a file in the page cache: where it lies, or copied into a window as merges do.</summary>
internal static unsafe class ReadingWays
{
    private const int Window = 128 << 10;

    /// <summary>Writes a file, looks at it in each way by turns, on one thread and two, and prints medians.</summary>
    public static void Measure(long size, int rounds)
    {
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            DiskLimits.WriteDirect(path, size, 2);
            DiskLimits.ReadAll([path], 2);
            var times = new Dictionary<string, List<(double Clock, double Processor)>>();
            for (var round = 0; round < rounds; round++)
            {
                foreach (var threads in new[] { 1, 2 })
                {
                    Time($"copied, {threads} threads", () => Copied(path, size, threads));
                    Time($"mapped, {threads} threads", () => Mapped(path, size, threads));
                }
            }

            Console.WriteLine("| way | clock, s per GB | processor, s per GB |\n|---|---:|---:|");
            foreach (var (way, all) in times)
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"| {way} | {Median(all.ConvertAll(time => time.Clock)):0.000} | {Median(all.ConvertAll(time => time.Processor)):0.000} |"));

            void Time(string way, Action look)
            {
                var before = Environment.CpuUsage.TotalTime;
                var clock = Measurements.Time(look);
                var processor = (Environment.CpuUsage.TotalTime - before).TotalSeconds;
                (times.TryGetValue(way, out var all) ? all : times[way] = []).Add((clock, processor));
            }

            double Median(List<double> seconds) => Measurements.Median(seconds) / (size / 1e9);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static void Copied(string path, long size, int threads)
    {
        using var file = File.OpenHandle(path);
        DiskLimits.OnThreads(threads, size / Window, Window, (window, buffer) =>
        {
            var bytes = new Span<byte>((void*)buffer, Window);
            _ = RandomAccess.Read(file, bytes, window * Window);
            LookAt(bytes);
        });
    }

    // A map of its own each time, as each merge would have.
    private static void Mapped(string path, long size, int threads)
    {
        using var file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
        using var view = file.CreateViewAccessor(0, size, MemoryMappedFileAccess.Read);
        byte* start = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        DiskLimits.OnThreads(threads, size / Window, Window, (window, _) => LookAt(new Span<byte>(start + (window * Window), Window)));
        view.SafeMemoryMappedViewHandle.ReleasePointer();
    }

    private static void LookAt(ReadOnlySpan<byte> bytes) => _ = TensorPrimitives.Sum(MemoryMarshal.Cast<byte, int>(bytes));
}
