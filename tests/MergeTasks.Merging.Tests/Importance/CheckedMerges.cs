using System.Text.Json.Nodes;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Importance;
using MergeTasks.Merging.Comparing;
using MergeTasks.Merging.Execution.Importance;
using MergeTasks.Merging.Measuring.Evaluation;
using MergeTasks.TestSupport;
using MergeTasks.Transformers.Metrics;
using MergeTasks.Transformers.Processor;
using MergeTasks.Transformers.Tokenization;

namespace MergeTasks.Merging.Tests.Importance;

/// <summary>The factor of the merged change, and what a merge says of itself.</summary>
public sealed class CheckedMerges : IDisposable
{
    private static readonly string[] Models = ["kind", "close"];

    private readonly MergeWorkspace _space = new();
    private readonly string _models = ExampleModels.Folder;

    public void Dispose() => _space.Dispose();

    [Theory]
    [InlineData("task_arithmetic")]
    [InlineData("ties")]
    public void The_factor_is_that_of_the_merged_change(string method)
    {
        Declare(method, ("MergeFactor", "off"));
        var plain = Run();
        Declare(method);
        var merged = Run();
        var factor = (double)Manifest()["importance"]!["check"]!["steps"]![0]!["factor"]!;
        Assert.Contains(factor, MergedScoreRequest.Factors);
        Assert.Equal(method == "task_arithmetic", factor < 1);
        var basis = TestCheckpoint.Read(Path.Combine(_models, "base"));
        foreach (var (name, tensor) in merged)
        {
            var (b, before, after) = (basis[name].Floats(), plain[name].Floats(), tensor.Floats());
            for (var i = 0; i < b.Length; i++)
                Assert.Equal((float)(b[i] + (((double)before[i] - b[i]) * factor)), after[i]);
        }

        // A number is taken as it is.
        Declare(method, ("MergeFactor", factor.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        Assert.All(Run(), tensor => Assert.Equal(merged[tensor.Key].Bytes, tensor.Value.Bytes));
        Assert.Null(Manifest()["importance"]?["check"]);
    }

    [Fact]
    public void Figures_are_those_of_the_output_on_samples_that_decided_nothing()
    {
        Declare("task_arithmetic", ("Apl", "layer"));
        Run();
        var steps = Manifest()["importance"]!["check"]!["steps"]!.AsArray();
        Assert.Equal(["plain", "APL"], steps.Select(step => (string)step!["step"]!));

        // Both halves are the whole: what the output does on all samples lies where its halves' figures say.
        var tokenizer = Tokenizer.Load(Path.Combine(_models, "base", "tokenizer.json"));
        var recoveries = Models.Select(model =>
            (Score("base", model), Score(model, model), Score(_space.Output("m"), model)) is var (basis, tuned, own)
                ? (own - basis) / (tuned - basis)
                : 0).ToArray();
        var leftOut = (string?)Manifest()["importance"]!["check"]!["leftOut"];
        if ((double)steps[0]!["recovery"]! > (double)steps[1]!["recovery"]!)
            Assert.Equal("APL", leftOut);
        var made = steps[leftOut is null ? 1 : 0]!;
        var (deciding, held) = ((double)made["recovery"]!, (double)made["held"]!);
        Assert.InRange(recoveries.Average(), Math.Min(deciding, held) - 0.01, Math.Max(deciding, held) + 0.01);
        Missed_thresholds_are_told();
        Assert.Contains("| with APL |", File.ReadAllText(Path.Combine(_space.Output("m"), "README.md")), StringComparison.Ordinal);

        double Score(string folder, string task)
        {
            using var model = new CpuEngine().Load(Path.Combine(_models, folder));
            return TaskScore.Measure(
                new TextModel(model, tokenizer), JsonLines.ReadTasks(Path.Combine(_models, "data", task + ".jsonl"))).MeanLogProbability;
        }
    }

    [Fact]
    public void Apl_is_left_out_where_models_merge_better_without_and_then_the_merge_is_the_plain_one()
    {
        // Three skills are too many for models of this size.
        Declare("task_arithmetic", ["kind", "close", "first"], []);
        var plain = Run();
        Declare("task_arithmetic", ["kind", "close", "first"], ("Apl", "layer"));
        Assert.All(Run(), tensor => Assert.Equal(plain[tensor.Key].Bytes, tensor.Value.Bytes));
        Assert.Equal("APL", (string?)Manifest()["importance"]!["check"]!["leftOut"]);
        Assert.True(_space.State("m").IsFresh);
    }

    [Theory]
    [InlineData("auto", true)]
    [InlineData("true", true)]
    [InlineData("0.4", false)]
    public void Aim_is_left_out_where_it_costs_unless_somebody_names_omega(string omega, bool mayBeLeftOut)
    {
        (string, string)[] aim = [
            ("Calibration", Path.Combine(_models, "data", "calibration.jsonl")), ("AimBlock", "64"), ("AimSamples", "40"),
            ("AimNormalization", "rank")
        ];
        Declare("task_arithmetic", ("MergeFactor", "0.4"));
        var plain = Run();
        Declare("task_arithmetic", [("MergeFactor", "0.4"), ("Aim", omega), .. aim]);
        var merged = Run();
        var check = Manifest()["importance"]!["check"]!;
        Assert.True((double)check["steps"]![0]!["recovery"]! > (double)check["steps"]![1]!["recovery"]!);
        Assert.Equal(mayBeLeftOut ? "AIM" : null, (string?)check["leftOut"]);
        Assert.Equal(mayBeLeftOut, merged.All(tensor => tensor.Value.Bytes.SequenceEqual(plain[tensor.Key].Bytes)));
        Assert.True(_space.State("m").IsFresh, string.Join("; ", _space.State("m").Reasons));
        if (omega != "auto")
            return;

        // Both steps, of which neither helps three skills at once.
        Declare("task_arithmetic", ["kind", "close", "first"], ("MergeFactor", "0.4"));
        plain = Run();
        Declare("task_arithmetic", ["kind", "close", "first"], [("MergeFactor", "0.4"), ("Apl", "layer"), ("Aim", "auto"), .. aim]);
        Assert.All(Run(), tensor => Assert.Equal(plain[tensor.Key].Bytes, tensor.Value.Bytes));
        Assert.Equal("APL and AIM", (string?)Manifest()["importance"]!["check"]!["leftOut"]);
        Assert.Contains(
            "APL and AIM were left out", File.ReadAllText(Path.Combine(_space.Output("m"), "README.md")), StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_runs_again_and_the_output_stays()
    {
        Declare(
            "task_arithmetic",
            ("Apl", "layer"),
            ("Aim", "0.5"),
            ("Calibration", Path.Combine(_models, "data", "calibration.jsonl")),
            ("AimBlock", "64"),
            ("AimSamples", "40"));
        Run();
        Assert.True(_space.State("m").IsFresh, string.Join("; ", _space.State("m").Reasons));
        var (before, again) = (FolderContent.Of(_space.Output("m")), new Listener());
        Directory.Delete(_space.Output("m"), recursive: true);
        _space.Run("m", again);
        Assert.Empty(again.Scores);
        Assert.Equal(before, FolderContent.Of(_space.Output("m")));
    }

    [Fact]
    public void The_order_of_samples_changes_nothing()
    {
        var data = Path.Combine(_space.Folder, "data");
        Directory.CreateDirectory(data);
        Dictionary<string, RawTensor>? before = null;
        string? check = null;
        foreach (var turn in new Func<string[], IEnumerable<string>>[] { lines => lines, lines => lines.Reverse() })
        {
            _space.Clear();
            _space.Merge(
                "m",
                ("Method", "task_arithmetic"),
                ("Base", Path.Combine(_models, "base")),
                ("Weight", "1"),
                ("Apl", "layer"),
                ("AplDensity", "0.2"));
            foreach (var model in new[] { "close", "first" })
            {
                File.WriteAllLines(
                    Path.Combine(data, model + ".jsonl"), turn(File.ReadAllLines(Path.Combine(_models, "data", model + ".jsonl"))));
                _space.Source(Path.Combine(_models, model), ("TaskData", $"data/{model}.jsonl"));
            }

            var merged = Run();
            before ??= merged;
            check ??= Manifest()["importance"]!["check"]!.ToJsonString();
            Assert.All(merged, tensor => Assert.Equal(before[tensor.Key].Bytes, tensor.Value.Bytes));
            Assert.Equal(check, Manifest()["importance"]!["check"]!.ToJsonString());
        }
    }

    [Theory]
    [InlineData("Aim", "0", "AIM")]
    [InlineData("AplDensity", "0.0001", "APL")]
    public void A_step_that_made_it_worse_is_told_with_what_to_change(string setting, string value, string step)
    {
        var heard = new Listener();
        Declare("task_arithmetic", [(setting, value), .. step == "AIM"
            ? new[]
            {
                ("Calibration", Path.Combine(_models, "data", "calibration.jsonl")),
                ("AimBlock", "64"),
                ("AimNormalization", "rank"),
                ("MergeFactor", "off")
            } : [("Apl", "layer"), ("AplRescale", "none")]]);
        _space.Run("m", heard);
        var warnings = heard.Warnings.Where(warning => warning.Code == DiagnosticCode.WorseStep).ToList();
        Assert.Contains(
            warnings,
            warning =>
                warning.Message.Contains($"{step} made it worse", StringComparison.Ordinal)
                    && warning.Message.Contains(step == "AIM" ? "larger Aim" : "AplDensity=\"auto\"", StringComparison.Ordinal));
        Assert.All(warnings, warning => Assert.True(warning.IsWarning));
        Assert.Contains(heard.Notes, note => note.StartsWith("m, plain: factor", StringComparison.Ordinal));
    }

    [Fact]
    public void Differences_are_paired_within_tasks()
    {
        var (mean, within) = PairedDifference.Of([[1, 2, 3, 4, 5]]);
        Assert.Equal((3, 1.963), (mean, Math.Round(within, 3)));

        // √(0.5 + 2)/2 with t of 2 degrees of freedom.
        (mean, within) = PairedDifference.Of([[0, 2], [1, 5]]);
        Assert.Equal(2, mean);
        Assert.Equal(4.303 * Math.Sqrt(1 + 4) / 2, within, 1e-9);
        Assert.Equal(double.PositiveInfinity, PairedDifference.Of([[1], [2]]).Within);
    }

    [Fact]
    public void A_step_is_kept_for_a_gain_whose_whole_interval_is_above_what_counts()
    {
        // A mean of 1 and, by t of 3 degrees of freedom, an interval of 3.182 times the standard error of 0.577.
        double[] differences = [0, 2, 2, 0];
        Assert.True(PairedDifference.Exceeds([differences], 0.999 - (3.182 / Math.Sqrt(3))));
        Assert.False(PairedDifference.Exceeds([differences], 1.001 - (3.182 / Math.Sqrt(3))));

        Assert.False(PairedDifference.Exceeds([[0.01, 0.01], [0.01, 0.01]], 0.01));
        Assert.True(PairedDifference.Exceeds([[0.02, 0.02], [0.02, 0.02]], 0.01));

        // One sample of each task shows nothing, and what nobody measured afterwards does not count.
        Assert.False(PairedDifference.Exceeds([[100], [100]], 0));
        Assert.Equal([differences], PairedDifference.Between([[1, 1, 1, 1], [5]], [[.. differences.Select(value => value + 1)], []]));
    }

    [Fact]
    public void Activity_is_compared_with_the_largest_the_mean_or_ranks()
    {
        double[] statistic = [4, 1, -2, 1];
        Assert.Equal([1, 0.25, 0.5, 0.25], ModuleImportance.Normalised(statistic, ImportanceNormalization.Max));
        Assert.Equal([1, 0.25, 0.5, 0.25], ModuleImportance.Normalised(statistic, ImportanceNormalization.Mean));
        Assert.Equal([1, 0.125, 0.25, 0.125], ModuleImportance.Normalised([8, 1, 2, 1, 8, 4, 4, 4], ImportanceNormalization.Mean).Take(4));
        Assert.Equal([1, 1 / 6.0, 2 / 3.0, 1 / 6.0], ModuleImportance.Normalised(statistic, ImportanceNormalization.Rank));
        Assert.All(
            Enum.GetValues<ImportanceNormalization>(),
            normalization => Assert.Equal([0, 0], ModuleImportance.Normalised([0, 0], normalization)));
    }

    // Of what the defaults made: a threshold at the figure is met, and one beyond it is not.
    private void Missed_thresholds_are_told()
    {
        var figures = Evaluate([]);
        var (exact, nll) = (figures.Merged.Value, figures.Merged.LogProbability);
        var basis = figures.Models.Single(model => model.IsBase).Result;
        Assert.InRange(exact, basis.Value + 0.01, 0.999);
        Assert.True(nll > basis.LogProbability);
        Assert.Empty(Evaluate([("MinExactMatch", Text(exact)), ("MaxRegression", "0")]).Failures());
        Assert.Equal(DiagnosticCode.EvaluationFailed, Assert.Single(Evaluate([("MinExactMatch", Text(exact + 0.001))]).Failures()).Code);

        static string Text(double value) => value.ToString("R", System.Globalization.CultureInfo.InvariantCulture);

        MergeEvaluation Evaluate((string Name, string Value)[] thresholds) => Assert.Single(_space.Build().Evaluate(
            EvaluationReader.Read(
                Path.Combine(_models, "data"),
                [
                    new DeclaredItem(
                        "MergeEvaluation",
                        "kind.jsonl",
                        thresholds.ToDictionary(pair => pair.Name, pair => pair.Value, StringComparer.OrdinalIgnoreCase),
                        _space.ProjectFile)
                ],
                ["m"]),
            _space.LockFile,
            MergeProgress.None,
            default));
    }

    private void Declare(string method, params (string, string)[] settings) => Declare(method, Models, settings);

    private void Declare(string method, string[] models, params (string, string)[] settings)
    {
        _space.Clear();
        _space.Merge(
            "m", [("Method", method), ("Base", Path.Combine(_models, "base")), ("Weight", "1"), ("DType", "float32"), .. settings]);
        foreach (var model in models)
            _space.Source(Path.Combine(_models, model), ("TaskData", Path.Combine(_models, "data", model + ".jsonl")));
    }

    private Dictionary<string, RawTensor> Run()
    {
        _space.Run("m");
        return _space.Result("m");
    }

    private JsonNode Manifest() => JsonNode.Parse(File.ReadAllText(Path.Combine(_space.Output("m"), "merge.manifest.json")))!;
}
