using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Bench.Faults;

/// <summary>
/// One build in a process of its own: it ends with 0, or with 3 and its diagnostics' codes, and with nothing else unless somebody else ends
/// it.
/// </summary>
internal static class Worker
{
    public const int Refused = 3;
    private const int Crashed = 4;

    /// <summary>Builds.</summary>
    /// <param name="folder">The project.</param>
    /// <param name="variant">Which variant.</param>
    /// <param name="rest">
    /// <c>warm FOLDER</c>: builds another project first, so that the runtime has loaded and compiled everything, then says "ready" and
    /// waits for a line;
    /// <c>cache FOLDER</c>, <c>scored FOLDER</c>: as in <see cref="FaultProject"/>.
    /// </param>
    public static int Run(string folder, string variant, string[] rest)
    {
        string Option(string name, string otherwise) => Array.IndexOf(rest, name) is var at and >= 0 ? rest[at + 1] : otherwise;
        var progress = new Counting();
        if (Option("warm", "") is { Length: > 0 } warm)
        {
            new FaultProject(warm).Build("a", progress);
            new FaultProject(warm).Build("b", progress);
        }

        if (Option("warm", "") is { Length: > 0 } || rest.Contains("wait"))
        {
            Console.WriteLine("ready");
            Console.ReadLine();
        }

        try
        {
            new FaultProject(folder) { Cache = Option("cache", Path.Combine(folder, "cache")), Scored = Option("scored", "") }
                .Build(variant, progress);
            Console.WriteLine($"scores {progress.Scores}");
            return 0;
        }
        catch (DiagnosticException e)
        {
            foreach (var diagnostic in e.Diagnostics)
                Console.WriteLine($"{diagnostic.Code} {diagnostic.Message}");
            return Refused;
        }
        catch (Exception e)
        {
            Console.WriteLine(e.ToString());
            return Crashed;
        }
    }

    private sealed class Counting : MergeProgress
    {
        public int Scores { get; private set; }

        public override void Scoring(string model, string phase, long tokens, string cost) => Scores++;
    }
}
