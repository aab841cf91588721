using System.Globalization;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Options;

namespace MergeTasks.Bench.Merging;

/// <summary>What to measure, from the command line.</summary>
internal sealed record BenchOptions
{
    public const string Usage = """
        dotnet run -c Release --project bench/MergeTasks.Bench.Merging -- [options]
          --size 4GB        bytes of each of the four generated checkpoints
          --rounds 5        rounds; every subject is measured once in each
          --folder PATH     a new folder to generate them in, removed afterwards; default: one under the temporary folder
          --only a,b        measure subjects whose name contains one of these texts (the limits are always measured)
          --threads 2       threads of the limits, the merges and PyTorch
          --python PATH     interpreter with torch and numpy; default: /usr/bin/python3
        dotnet run -c Release --project bench/MergeTasks.Bench.Merging -- side-by-side [PROGRAM OF ANOTHER BUILD ...] [options]
        dotnet run -c Release --project bench/MergeTasks.Bench.Merging -- scoring example-project/models [enlarged]
        dotnet run -c Release --project bench/MergeTasks.Bench.Merging -- language-models FOLDER example-project/models
        dotnet run -c Release --project bench/MergeTasks.Bench.Merging -- scoring whole FOLDER ROUNDS
        """;

    public long Size { get; private init; } = 4L << 30;

    public int Rounds { get; private init; } = 5;

    public string Folder { get; private init; } = Path.Combine(Path.GetTempPath(), $"mergetasks-bench-{Environment.ProcessId}");

    public IReadOnlyList<string> Only { get; private init; } = [];

    public int Threads { get; private init; } = Environment.ProcessorCount;

    public string Python { get; private init; } = "/usr/bin/python3";

    public bool Wants(string subject) => Only.Count == 0 || Only.Any(text => subject.Contains(text, StringComparison.OrdinalIgnoreCase));

    /// <summary>Reads the command line; <see langword="null"/> where it is not understood.</summary>
    public static BenchOptions? Parse(string[] args)
    {
        var options = new BenchOptions();
        for (var i = 0; i < args.Length; i += 2)
        {
            if (i + 1 == args.Length)
                return null;
            var value = args[i + 1];
            var next = args[i] switch
            {
                "--size" when ByteSize.Parse(value) is { } size => options with { Size = size },
                "--rounds" when Count(value) is { } rounds => options with { Rounds = rounds },
                "--folder" => options with { Folder = Path.GetFullPath(value) },
                "--only" => options with { Only = value.Split(',', StringSplitOptions.RemoveEmptyEntries) },
                "--threads" when Count(value) is { } threads => options with { Threads = threads },
                "--python" => options with { Python = value },
                _ => null,
            };
            if (next is null)
                return null;
            options = next;
        }

        return options;
    }

    private static int? Count(string text) => int.TryParse(text, CultureInfo.InvariantCulture, out var count) && count > 0 ? count : null;
}
