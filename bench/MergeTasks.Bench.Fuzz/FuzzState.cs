using System.Globalization;

namespace MergeTasks.Bench.Fuzz;

/// <summary>How far each reader has come, kept in a file so that a run that was stopped goes on.</summary>
internal sealed class FuzzState
{
    private readonly string _path;
    private readonly int _seed;
    private readonly Dictionary<(int Seed, string Reader), Progress> _readers = [];

    public FuzzState(string path, int seed)
    {
        (_path, _seed) = (path, seed);
        foreach (var line in File.Exists(path) ? File.ReadLines(path) : [])
        {
            if (line.Split('\t') is [var of, var reader, var cases, var refused, var seconds, var slowest, var allocated, var faults])
            {
                _readers[(int.Parse(of, CultureInfo.InvariantCulture), reader)] = new Progress(
                    Long(cases), Long(refused), Double(seconds), Double(slowest), Long(allocated), Long(faults));
            }
        }

        static long Long(string text) => long.Parse(text, CultureInfo.InvariantCulture);
        static double Double(string text) => double.Parse(text, CultureInfo.InvariantCulture);
    }

    public Progress this[string reader]
    {
        get
        {
            lock (_readers)
                return _readers.GetValueOrDefault((_seed, reader), new Progress(0, 0, 0, 0, 0, 0));
        }
    }

    /// <summary>Remembers how far a reader is.</summary>
    public void Set(string reader, Progress progress)
    {
        lock (_readers)
        {
            _readers[(_seed, reader)] = progress;
            File.WriteAllLines(_path + ".tmp", _readers.Select(pair => Line(pair.Key.Seed, pair.Key.Reader, pair.Value)));
            File.Move(_path + ".tmp", _path, overwrite: true);
        }
    }

    private static string Line(int seed, string reader, Progress of) => string.Join('\t', new[]
    {
        Text(seed), reader, Text(of.Cases), Text(of.Refused), Text(of.Seconds), Text(of.Slowest), Text(of.Allocated), Text(of.Faults),
    });

    private static string Text(double number) => number.ToString("0.###", CultureInfo.InvariantCulture);
}

/// <summary>What a reader's cases came to.</summary>
/// <param name="Cases">Cases.</param>
/// <param name="Refused">How many files were refused.</param>
/// <param name="Seconds">Time of all.</param>
/// <param name="Slowest">Time of the slowest.</param>
/// <param name="Allocated">Most bytes that one allocated.</param>
/// <param name="Faults">Cases that went wrong.</param>
internal sealed record Progress(long Cases, long Refused, double Seconds, double Slowest, long Allocated, long Faults);
