using System.Diagnostics;
using System.Globalization;

namespace MergeTasks.Bench.Merging;

/// <summary>
/// Measures every subject once per round, one after the other, so that a slow moment of the machine does not fall on one of them alone.
/// </summary>
internal sealed class Subjects(BenchOptions options, GeneratedModels models, Measurements measurements)
{
    private const string Write = "limit: write one output";
    private const string Copy = "cp of one output";
    private const string Careful = "PyTorch, careful";
    private const string Stacked = "PyTorch, stacked";
    private const string Digest = "digest a changed file";
    private const string RawHash = "SHA-256 of as many bytes in memory";

    private string Target => Path.Combine(options.Folder, "target");

    public void MeasureOnce()
    {
        var limits = MergeSubject.Names
            .Where(options.Wants)
            .Select(MergeSubject.InputCount)
            .Append(GeneratedModels.Models.Count)
            .Distinct()
            .Order();
        foreach (var count in limits)
        {
            Run(Read(count), () => Measurements.Time(() => DiskLimits.ReadAll(Inputs(count), options.Threads)));
            Run(Move(count), () => Measurements.Time(() => DiskLimits.Move([.. Inputs(count)], Target, models.Length, options.Threads)));
        }

        Run(Write, () => Measurements.Time(() => DiskLimits.WriteDirect(Target, models.Length, options.Threads)));
        foreach (var method in MergeSubject.Names.Where(options.Wants))
            Run(method, () => Merge(method));
        if (options.Wants(Copy))
            Run(Copy, () => Measurements.Time(() => Start("cp", models.WeightFile(GeneratedModels.Models[0]), Target)));
        if (options.Wants(Careful))
            Run(Careful, () => Python("careful"));
        if (options.Wants(Stacked))
            Run(Stacked, () => Python("stacked"));
        if (options.Wants(Digest))
        {
            var file = models.WeightFile(GeneratedModels.Models[0]);
            Run(
                Digest,
                () =>
                    Measurements.Time(() =>
                        HashSpeed.DigestFile(file, Path.Combine(options.Folder, Path.GetRandomFileName()), options.Threads)));
            Run(RawHash, () => Measurements.Time(() => HashSpeed.HashMemory(models.Length, options.Threads)));
        }
    }

    public void Compare()
    {
        foreach (var method in MergeSubject.Names.Where(measurements.Has))
        {
            var limit = method.Contains("ties", StringComparison.Ordinal) ? "1.50" : "1.15";
            var read = Read(MergeSubject.InputCount(method));
            measurements.Compare($"{method} / max(read, write)", $"≤ {limit}",
                () => measurements.Median(method) / Math.Max(measurements.Median(read), measurements.Median(Write)));
            var move = Move(MergeSubject.InputCount(method));
            measurements.Compare($"{method} / read and write", "≤ 1.50", () => measurements.Median(method) / measurements.Median(move));
        }

        CompareWith(Careful, "linear", "≥ 6");
        CompareWith(Stacked, "linear", "≥ 15");
        CompareWith(Copy, "linear", "");
        CompareWith(RawHash, Digest, "≥ 0.90");
    }

    private static string Read(int inputs) => $"limit: read {inputs} inputs";

    private static string Move(int inputs) => $"read {inputs} inputs and write one output";

    private void CompareWith(string subject, string ours, string wanted)
    {
        if (measurements.Has(subject) && measurements.Has(ours))
            measurements.Compare($"{subject} / {ours}", wanted, () => measurements.Median(subject) / measurements.Median(ours));
    }

    private IEnumerable<string> Inputs(int count) =>
        GeneratedModels.Models.Append(GeneratedModels.Base).TakeLast(count).Select(models.WeightFile);

    // What a subject left unwritten must not slow the next one, and every subject finds its inputs in the page cache.
    private void Run(string subject, Func<double> time)
    {
        File.Delete(Target);
        if (OperatingSystem.IsLinux())
            Start("sync");
        DiskLimits.ReadAll(Inputs(GeneratedModels.Models.Count + 1), options.Threads);
        measurements.Add(subject, time());
        File.Delete(Target);
    }

    private double Merge(string method)
    {
        var words = Start(Environment.ProcessPath!, "merge", method, options.Folder, options.Threads.ToString(CultureInfo.InvariantCulture))
            .Split(' ');
        measurements.PeakMemory = Math.Max(measurements.PeakMemory, long.Parse(words[1], CultureInfo.InvariantCulture));
        measurements.AddProcessor(method, double.Parse(words[2], CultureInfo.InvariantCulture));
        measurements.AddStart(method, double.Parse(words[3], CultureInfo.InvariantCulture));
        return double.Parse(words[0], CultureInfo.InvariantCulture);
    }

    private double Python(string way)
    {
        var script = Path.Combine(AppContext.BaseDirectory, "Torch", "linear.py");
        var threads = options.Threads.ToString(CultureInfo.InvariantCulture);
        return double.Parse(
            Start(options.Python, [script, way, threads, Target, .. GeneratedModels.Models.Select(models.WeightFile)]),
            CultureInfo.InvariantCulture);
    }

    private static string Start(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"'{program}' failed.");
    }
}
