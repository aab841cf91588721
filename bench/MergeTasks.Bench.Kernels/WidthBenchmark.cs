using System.Diagnostics;
using System.Globalization;
using System.Runtime.Intrinsics;

namespace MergeTasks.Bench.Kernels;

/// <summary>
/// Every kernel at every width of vectors that this processor has, side by side: each width is a process of its own, in which the
/// runtime's switches hide the wider ones. The processes take turns.
/// </summary>
internal static class WidthBenchmark
{
    private const int Samples = 5;
    private const double SecondsPerSample = 0.008;

    // The runtime's preference reaches what asks which vectors it should use (products, masks, what the libraries do); other kernels are
    // written for 512 bits, which the compiler makes of what the processor has, and stay wide there. Without AVX there is no fused
    // multiply-add either, which no processor since 2013 lacks: that column shows shorter vectors where a kernel needs none.
    private static readonly (string Title, string Variable, string Value)[] Widths =
    [
        ("512 bits", "", ""),
        ("256 bits", "DOTNET_EnableAVX512", "0"),
        ("128 bits preferred", "DOTNET_PreferredVectorBitWidth", "128"),
        ("without AVX", "DOTNET_EnableAVX", "0"),
    ];

    private static int HardwareBits => Vector512.IsHardwareAccelerated ? 512
        : Vector256.IsHardwareAccelerated ? 256
        : Vector128.IsHardwareAccelerated ? 128
        : 0;

    /// <summary>Measures in this process: a line with the bits of a vector, then name and nanoseconds per element.</summary>
    public static void RunHere()
    {
        Console.WriteLine($"bits\t{HardwareBits}");
        foreach (var (name, elements, run) in KernelCases.All())
        {
            // Until the runtime has replaced its first version of what is not compiled in full at once.
            for (var warm = Stopwatch.StartNew(); warm.ElapsedMilliseconds < 40;)
                run();
            Thread.Sleep(20);
            var seconds = Enumerable.Range(0, Samples).Select(_ => Interleaved.SecondsPerCall(run, SecondsPerSample)).Order().ToArray();
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}\t{seconds[Samples / 2] / elements * 1e9}"));
        }
    }

    /// <summary>Prints a row per kernel: medians of the rounds.</summary>
    public static void Run(int rounds)
    {
        var measured = Widths.Select(_ => new Dictionary<string, List<double>>()).ToArray();
        for (var round = 0; round < rounds; round++)
        {
            for (var turn = 0; turn < Widths.Length; turn++)
            {
                var index = (turn + round) % Widths.Length;
                foreach (var line in Child(Widths[index].Variable, Widths[index].Value).Split('\n', StringSplitOptions.RemoveEmptyEntries))
                {
                    var words = line.Split('\t');
                    if (!measured[index].TryGetValue(words[0], out var list))
                        measured[index].Add(words[0], list = []);
                    list.Add(double.Parse(words[1], CultureInfo.InvariantCulture));
                }
            }
        }

        Console.WriteLine($"| kernel, processor ns per element | {string.Join(" | ", Widths.Select(width => width.Title))} |");
        Console.WriteLine($"|---|{string.Concat(Widths.Select(_ => "--:|"))}");
        foreach (var name in measured[0].Keys)
        {
            var cells = measured.Select(width => width[name].Order().ElementAt(rounds / 2).ToString("G3", CultureInfo.InvariantCulture));
            Console.WriteLine($"| {name} | {string.Join(" | ", cells)} |");
        }
    }

    private static string Child(string variable, string value)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, ["width"]) { RedirectStandardOutput = true };
        if (variable.Length > 0)
            start.Environment[variable] = value;

        // The kernels as they are in the long run, not what the runtime makes of them at first.
        start.Environment["DOTNET_TieredCompilation"] = "0";
        start.Environment["DOTNET_ReadyToRun"] = "0";
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"The process with {variable}={value} failed.");
    }
}
