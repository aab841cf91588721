using System.Globalization;

namespace MergeTasks.Bench.Faults;

/// <summary>Which faults, how many, from which seed.</summary>
internal sealed record FaultOptions(string Kind, int Rounds, int Seed, string Only = "")
{
    public const string Usage = """
        dotnet run -c Release --project bench/MergeTasks.Bench.Faults -- KIND [--rounds N] [--seed N]
          kill       the process is killed at random moments, until it was N times before it ended (200)
          inject     each system call fails with EIO, EACCES or ENOSPC (strace), in random order; N of them, or all (0)
                     (--only TEXT: those whose report contains it, to repeat one)
          disk       the output's file system is full after more and more bytes (needs the right to mount a tmpfs)
          change     an input is written, replaced or cut short at random moments (100 rounds)
          cache      the cache folder is removed, or made read-only, at random moments (100 rounds)
          together   8 projects with one cache, then 4 processes in one project (50 rounds)
        """;

    private static readonly Dictionary<string, int> Kinds = new()
    {
        ["kill"] = 200,
        ["inject"] = 0,
        ["disk"] = 40,
        ["change"] = 100,
        ["cache"] = 100,
        ["together"] = 50
    };

    /// <summary>Reads the command line; <see langword="null"/> where it is not understood.</summary>
    public static FaultOptions? Parse(string[] args)
    {
        if (args.Length % 2 == 0 || !Kinds.TryGetValue(args[0], out var rounds))
            return null;
        var options = new FaultOptions(args[0], rounds, 1);
        for (var i = 1; i < args.Length; i += 2)
        {
            var isNumber = int.TryParse(args[i + 1], CultureInfo.InvariantCulture, out var number) && number >= 0;
            var next = args[i] switch
            {
                "--rounds" when isNumber => options with { Rounds = number },
                "--seed" when isNumber => options with { Seed = number },
                "--only" => options with { Only = args[i + 1] },
                _ => null,
            };
            if (next is null)
                return null;
            options = next;
        }

        return options;
    }
}
