using System.Diagnostics;
using System.Globalization;
using MergeTasks.Caching;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Build;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Processor;

namespace MergeTasks.Bench.Merging;

/// <summary>
/// What a merge of three models by their defaults takes to score: AIM, APL, the factor and the check, by kind of score; and exact
/// interventions on layers with and without what they have in common.
/// </summary>
internal sealed class WholeScoring(string models, int threads)
{
    private static readonly (string, string)[] Defaults =
        [("Apl", "layer"), ("Aim", "auto"), ("AimNormalization", "mean"), ("Calibration", "data/calibration.jsonl")];

    public void Print(int rounds)
    {
        var runs = new List<Phases>();
        for (var round = 0; round <= rounds; round++)
        {
            using var memory = new PeakMemory();
            var run = Score(Defaults, LanguageModels.Tuned, new CpuEngine(new EngineOptions { Threads = threads }));
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"round {round}: {run.All.Wall:0.0} s, {run.All.Processor:0.0} processor s, {memory.Peak >> 20} MB"));

            // The first compiles, and digests the models: it counts only where nothing else is asked for.
            if (round > 0 || rounds == 0)
                runs.Add(run with { Peak = memory.Peak });
        }

        Console.WriteLine("| scores | runs | tokens | median s | processor s | tokens per processor s |\n|---|---:|---:|---:|---:|---:|");
        foreach (var phase in runs[0].Of.Keys.Append("all"))
        {
            var (wall, processor) = (Measurements.Median([.. runs.Select(run => run[phase].Wall)]),
                Measurements.Median([.. runs.Select(run => run[phase].Processor)]));
            var (count, tokens) = (runs[0][phase].Count, runs[0][phase].Tokens);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {phase} | {count} | {tokens} | {wall:0.0} | {processor:0.0} | {tokens / processor:0} |"));
        }

        Console.WriteLine($"\nPeak anonymous memory: {runs.Max(run => run.Peak) >> 20} MB.\n");
        if (rounds > 0)
            Interventions(rounds);
    }

    /// <summary>What the same takes on a machine that has none of the scores itself, where a shared cache has all.</summary>
    /// <param name="url">The shared cache, empty when it begins.</param>
    public void PrintShared(string url)
    {
        var runs = new List<(string Machine, Phase All, Phases Phases)>();
        foreach (var machine in new[] { "computes and uploads", "fetches", "fetches", "fetches" })
        {
            var shared = SharedScores.Open(url, false, warning => throw new InvalidOperationException(warning.Message));
            var run = Score(Defaults, LanguageModels.Tuned, new CpuEngine(new EngineOptions { Threads = threads }), shared);
            runs.Add((machine, run.All, run));
        }

        Console.WriteLine("| machine | s | processor s | share of the first's time | tokens |\n|---|---:|---:|---:|---:|");
        foreach (var (machine, all, _) in runs)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {machine} | {all.Wall:0.00} | {all.Processor:0.00} | {all.Wall / runs[0].All.Wall:0.00 %} | {all.Tokens} |"));
        }
    }

    private void Interventions(int rounds)
    {
        (string, string)[] settings = [("Apl", "layer"), ("AplScoring", "exact"), ("AplDensity", "0.2"), ("SelfCheck", "false"),
            ("AplRescale", "none"), ("MergeFactor", "off")];
        var (shared, alone) = (new List<Phase>(), new List<Phase>());
        for (var round = 0; round < rounds; round++)
        {
            foreach (var (runs, kept) in new[] { (shared, 512L << 20), (alone, 0L) })
            {
                var engine = new CpuEngine(new EngineOptions { Threads = threads, KeptBytes = kept });
                runs.Add(Score(settings, [LanguageModels.Tuned[0]], engine)["exact importance of each layer"]);
            }
        }

        var (with, without) = (Median(shared), Median(alone));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"Exact interventions, {shared[0].Tokens} tokens in all: {with.Wall:0.0} s ({with.Processor:0.0} processor s) with the layers "
                + $"before each part run once, {without.Wall:0.0} s ({without.Processor:0.0}) with all run each time; "
                + $"ratio of processor seconds {with.Processor / without.Processor:0.00}."));

        static Phase Median(List<Phase> runs) => runs.OrderBy(run => run.Processor).ElementAt(runs.Count / 2);
    }

    private Phases Score(
        (string, string)[] settings, string[] sources, ITransformerEngine engine, ISharedEntries? shared = null)
    {
        var cache = Directory.CreateTempSubdirectory("mergetasks-bench-");
        try
        {
            var project = Path.Combine(models, "bench.csproj");
            var merge = new DeclaredItem(
                "MergedModel", "m", Metadata([("Method", "task_arithmetic"), ("Base", "base"), .. settings]), project);
            var items = sources.Select(model =>
                new DeclaredItem("MergeSource", model, Metadata([("Weight", "1"), ("TaskData", $"data/{model}.jsonl")]), project));
            var build = new MergeBuild(
                DeclarationReader.Read(new ProjectDefaults(project, Path.Combine(cache.FullName, "out")), [merge], [.. items]),
                Path.Combine(cache.FullName, "cache"),
                threads)
            { Engine = engine, SharedScores = shared };
            build.Plan(CancellationToken.None);
            using var phases = new Listening();
            new MergeScorer(build).Score("m", phases, CancellationToken.None);
            return phases.Finish();
        }
        finally
        {
            cache.Delete(recursive: true);
        }
    }

    private static Dictionary<string, string> Metadata(IEnumerable<(string Name, string Value)> pairs) =>
        pairs.ToDictionary(pair => pair.Name, pair => pair.Value, StringComparer.OrdinalIgnoreCase);

    private readonly record struct Phase(int Count, long Tokens, double Wall, double Processor)
    {
        public static Phase operator +(Phase a, Phase b) =>
            new(a.Count + b.Count, a.Tokens + b.Tokens, a.Wall + b.Wall, a.Processor + b.Processor);
    }

    private sealed record Phases(Dictionary<string, Phase> Of)
    {
        public long Peak { get; init; }

        public Phase All => Of.Values.Aggregate((a, b) => a + b);

        public Phase this[string name] => name == "all" ? All : Of[name];
    }

    private sealed class Listening : MergeProgress, IDisposable
    {
        private readonly Dictionary<string, Phase> _phases = [];
        private readonly Stopwatch _clock = Stopwatch.StartNew();
        private string _phase = "planning and reading";
        private TimeSpan _processor = Environment.CpuUsage.TotalTime;
        private long _tokens;

        public override void Scoring(string model, string phase, long tokens, string cost) => Next(phase);

        public override void Scored(long tokens) => _tokens += tokens;

        public Phases Finish()
        {
            Next("");
            return new Phases(_phases);
        }

        public void Dispose() => _clock.Stop();

        private void Next(string phase)
        {
            var processor = Environment.CpuUsage.TotalTime;
            _phases[_phase] = _phases.GetValueOrDefault(_phase)
                + new Phase(1, _tokens, _clock.Elapsed.TotalSeconds, (processor - _processor).TotalSeconds);
            (_phase, _processor, _tokens) = (phase, processor, 0);
            _clock.Restart();
        }
    }
}
