using System.Globalization;

namespace MergeTasks.Bench.Fuzz;

/// <summary>How many cases, which, and where to go on.</summary>
/// <param name="Cases">Cases of each reader, those of earlier runs included.</param>
/// <param name="Builds">Whole builds, likewise.</param>
/// <param name="Seed">Other cases with another.</param>
/// <param name="Threads">Readers that run at a time.</param>
/// <param name="Reader">The only reader; empty for all.</param>
/// <param name="Case">The only case of it, whose file is printed; -1 for all.</param>
/// <param name="State">The file that tells where to go on.</param>
internal sealed record FuzzOptions(long Cases, long Builds, int Seed, int Threads, string Reader, long Case, string State)
{
    public const string Usage = """
        dotnet run -c Release --project bench/MergeTasks.Bench.Fuzz -- [OPTION VALUE]…
          --cases N      cases of each reader (1000000), counted from the first; those that STATE says are done are not done again
          --builds N     whole builds of a project with one changed file (100000)
          --seed N       other cases (1)
          --threads N    readers at a time (2)
          --reader NAME  this reader only, or 'builds'
          --case N       this case of it only
          --state FILE   where the run goes on after it was stopped (fuzz.state)
        """;

    public static FuzzOptions? Parse(string[] args)
    {
        var options = new FuzzOptions(1_000_000, 100_000, 1, 2, "", -1, "fuzz.state");
        if (args.Length % 2 != 0)
            return null;
        for (var i = 0; i < args.Length; i += 2)
        {
            var value = args[i + 1];
            var isNumber = long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number);
            var next = args[i] switch
            {
                "--cases" when isNumber => options with { Cases = number },
                "--builds" when isNumber => options with { Builds = number },
                "--seed" when isNumber && number <= int.MaxValue => options with { Seed = (int)number },
                "--threads" when isNumber && number is > 0 and < 100 => options with { Threads = (int)number },
                "--reader" => options with { Reader = value },
                "--case" when isNumber => options with { Case = number },
                "--state" => options with { State = value },
                _ => null,
            };
            if (next is null)
                return null;
            options = next;
        }

        return options;
    }
}
