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

    /// <summary>What a worker that stays says when a build has ended, with its exit code.</summary>
    public const string Ended = "ended ";

    /// <summary>Builds.</summary>
    /// <param name="folder">The project.</param>
    /// <param name="variant">Which variant.</param>
    /// <param name="rest">
    /// <c>wait</c>: says "ready" and waits for a line;
    /// <c>warm FOLDER</c>: builds another project first, so that the runtime has loaded and compiled everything, says "ready", and builds once
    /// for each line that it is sent;
    /// <c>cache FOLDER</c>, <c>scored FOLDER</c>: as in <see cref="FaultProject"/>.
    /// </param>
    public static int Run(string folder, string variant, string[] rest)
    {
        string Option(string name, string otherwise) => Array.IndexOf(rest, name) is var at and >= 0 ? rest[at + 1] : otherwise;
        var project = new FaultProject(folder) { Cache = Option("cache", Path.Combine(folder, "cache")), Scored = Option("scored", "") };
        if (Option("warm", "") is { Length: > 0 } warm)
        {
            foreach (var other in FaultProject.Variants)
                new FaultProject(warm).Build(other, MergeProgress.None);
            Console.WriteLine("ready");
            while (Console.ReadLine() is not null)
                Console.WriteLine($"{Ended}{Build(project, variant)}");
            return 0;
        }

        if (rest.Contains("wait"))
        {
            Console.WriteLine("ready");
            Console.ReadLine();
        }

        return Build(project, variant);
    }

    private static int Build(FaultProject project, string variant)
    {
        var progress = new Counting();
        try
        {
            project.Build(variant, progress);
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
