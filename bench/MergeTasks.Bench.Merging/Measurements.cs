using System.Diagnostics;
using System.Globalization;

namespace MergeTasks.Bench.Merging;

/// <summary>The seconds of each subject, round by round, and the table made of them.</summary>
internal sealed class Measurements
{
    private readonly Dictionary<string, List<double>> _seconds = [];
    private readonly Dictionary<string, List<double>> _processor = [];
    private readonly Dictionary<string, List<double>> _start = [];
    private readonly List<(string Name, Func<double> Ratio, string Wanted)> _ratios = [];

    /// <summary>Most anonymous memory that one of our merges took, in bytes.</summary>
    public long PeakMemory { get; set; }

    public static double Time(Action action)
    {
        var watch = Stopwatch.StartNew();
        action();
        return watch.Elapsed.TotalSeconds;
    }

    public void Add(string subject, double seconds)
    {
        Append(_seconds, subject, seconds);
        Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {subject,-36} {seconds,8:0.00} s   load {Load()}"));
    }

    /// <summary>Adds the processor time of one of our merges: unlike its seconds it hardly depends on what else the machine does.</summary>
    public void AddProcessor(string subject, double seconds) => Append(_processor, subject, seconds);

    /// <summary>Adds the seconds from the start of a merging process to its first written block.</summary>
    public void AddStart(string subject, double seconds) => Append(_start, subject, seconds);

    public bool Has(string subject) => _seconds.ContainsKey(subject);

    public double Median(string subject) => Median(_seconds[subject]);

    public void Compare(string name, string wanted, Func<double> ratio) => _ratios.Add((name, ratio, wanted));

    public void Print(TextWriter writer)
    {
        writer.WriteLine("| subject | median s | from | to | processor s | first block after s |\n|---|---:|---:|---:|---:|---:|");
        foreach (var (subject, all) in _seconds)
            writer.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"| {subject} | {Median(subject):0.00} | {all.Min():0.00} | {all.Max():0.00} | {Of(_processor, subject)} | {Of(_start, subject)} |"));
        writer.WriteLine("\n| ratio of medians | measured | wanted |\n|---|---:|---:|");
        foreach (var (name, ratio, wanted) in _ratios)
            writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {name} | {ratio():0.00} | {wanted} |"));
        writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"\nPeak RssAnon of a merging process: {PeakMemory / 1e6:0} MB"));
    }

    private static string Of(Dictionary<string, List<double>> figures, string subject) =>
        figures.TryGetValue(subject, out var all) ? Median(all).ToString("0.00", CultureInfo.InvariantCulture) : "";

    public static double Median(List<double> values)
    {
        var sorted = values.Order().ToList();
        return (sorted[(sorted.Count - 1) / 2] + sorted[sorted.Count / 2]) / 2;
    }

    private static void Append(Dictionary<string, List<double>> lists, string subject, double value)
    {
        if (!lists.TryGetValue(subject, out var all))
            lists[subject] = all = [];
        all.Add(value);
    }

    private static string Load() => File.Exists("/proc/loadavg") ? File.ReadAllText("/proc/loadavg").Split(' ')[0] : "?";
}
