using System.Diagnostics;
using System.Globalization;

namespace MergeTasks.Bench.Merging;

/// <summary>
/// The processor time of merges with longer and shorter vectors, with one thread and two, and by other builds of this program, each merge
/// in a process of its own; all take turns.
/// </summary>
internal sealed class MergesSideBySide(BenchOptions options)
{
    private static readonly (string Name, string Variable)[] Widths = [("512 bits", "X"), ("256 bits", "DOTNET_EnableAVX512")];

    /// <summary>Generates models, measures and prints.</summary>
    /// <param name="others">Programs of other builds, which must understand the same.</param>
    public void Measure(IReadOnlyList<string> others)
    {
        var models = new GeneratedModels(options.Folder, options.Size);
        models.Write();
        new MergeSubject(options.Folder, options.Threads).DigestInputs();
        string[] programs = [Environment.ProcessPath!, .. others];
        int[] threads = [1, 2];
        var subjects =
            from method in MergeSubject.Names.Where(options.Wants)
            from width in Widths
            from count in threads
            from program in programs.Index()
            select (method, width, count, program);
        var times = new Dictionary<string, (List<double> Seconds, List<double> Processor)>();
        for (var round = 0; round < options.Rounds; round++)
        {
            foreach (var (method, width, count, program) in subjects)
            {
                var (seconds, processor) = Run(program.Item, method, width.Variable, count);
                var name = $"{method} | {width.Name} | {count} | {(program.Index == 0 ? "this one" : $"other {program.Index}")}";
                if (!times.TryGetValue(name, out var own))
                    times.Add(name, own = ([], []));
                own.Seconds.Add(seconds);
                own.Processor.Add(processor);
            }
        }

        Console.WriteLine($"{models.Length} bytes per checkpoint, {options.Rounds} rounds\n");
        Console.WriteLine("| merge | vectors | threads | build | processor s | from | to | clock s |\n|---|---|--:|---|--:|--:|--:|--:|");
        foreach (var (name, (seconds, processor)) in times)
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {name} | {Measurements.Median(processor):0.00} | {processor.Min():0.00} | {processor.Max():0.00} "
                + $"| {Measurements.Median(seconds):0.00} |"));
    }

    private (double Seconds, double Processor) Run(string program, string method, string variable, int threads)
    {
        var start = new ProcessStartInfo(program, ["merge", method, options.Folder, threads.ToString(CultureInfo.InvariantCulture)])
        {
            RedirectStandardOutput = true,
        };
        start.Environment[variable] = "0";
        using var process = Process.Start(start)!;
        var words = process.StandardOutput.ReadToEnd().Split(' ');
        process.WaitForExit();
        return process.ExitCode == 0
            ? (double.Parse(words[0], CultureInfo.InvariantCulture), double.Parse(words[2], CultureInfo.InvariantCulture))
            : throw new InvalidOperationException($"'{program}' failed.");
    }
}
