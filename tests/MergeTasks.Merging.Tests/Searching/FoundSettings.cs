using System.Text.RegularExpressions;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Importance;
using MergeTasks.Language.Recipes;
using MergeTasks.Language.Searching;
using MergeTasks.Merging.Comparing;
using MergeTasks.Merging.Measuring;
using MergeTasks.Merging.Planning;
using MergeTasks.Merging.Searching;
using MergeTasks.Merging.Tests.Importance;
using MergeTasks.TestSupport;
using MergeTasks.Transformers.Metrics;
using MergeTasks.Transformers.Processor;
using MergeTasks.Transformers.Tokenization;

namespace MergeTasks.Merging.Tests.Searching;

/// <summary>What searches find, and what builds make of it.</summary>
public sealed class FoundSettings : IDisposable
{
    private readonly SearchedProject _project = new();

    private MergeWorkspace Space => _project.Models.Space;

    public void Dispose() => _project.Dispose();

    [Fact]
    public void Are_those_of_the_best_candidate_and_the_build_makes_what_was_measured()
    {
        _project.Declare(search: [("Objective", "mean-log-probability")]);
        var found = _project.Found();
        var complete = found.Candidates.Where(candidate => candidate.Items == 1).ToList();
        Assert.Equal(8, found.Candidates.Count);
        Assert.Contains(found.Candidates, candidate => candidate.Items < 1);
        Assert.Equal(new SearchedSettings(found.Settings).ToString(), complete.MaxBy(candidate => candidate.Objective)!.Settings);
        Assert.Equal(
            ["models/a", "models/b", "models/base", "plain average", "as declared", "best"], found.Figures.Select(figure => figure.Model));
        Assert.False(Directory.Exists(Space.Output("m")));

        // Nothing is said of settings that were found for what is there.
        Assert.Empty(_project.Warnings());
        Space.Run("m");
        var method = found.Settings.Single(setting => setting.Name == "Method").Value;
        Assert.Equal(method, Space.State("m").Plan.Method.Name);
        Assert.Contains(Space.State("m").Plan.Notes, note => note.Contains($"Method={method}", StringComparison.Ordinal));

        // The figures are those of the files that the build wrote, on items that the search did not see.
        using var model = new CpuEngine().Load(Space.Output("m"));
        var text = new TextModel(model, Tokenizer.Load(Path.Combine(Space.Output("m"), "tokenizer.json")));
        var (selecting, held) = (new List<double>(), new List<double>());
        foreach (var name in new[] { "one", "two" })
        {
            var data = new DataFile(name, _project.Models.Data(name + ".jsonl"), new SourceLocation(""));
            var items = SearchItems.Read(data, "", text.Encoder, 512, 0.5);
            Assert.Equal((16, 16), (items.Selecting.Count, items.Held.Count));
            var all = JsonLines.ReadTasks(data.Path);
            var heldKeys = items.Held.Select(item => item.Key).ToHashSet();
            var held1 = all.Where(sample => heldKeys.Contains(KeyOf(sample))).ToList();
            Assert.Equal(16, held1.Count);
            held.Add(TaskScore.Measure(text, held1).MeanLogProbability);
            selecting.Add(TaskScore.Measure(text, [.. all.Except(held1)]).MeanLogProbability);
        }

        Assert.Equal(held.Average(), found.Figures[^1].HeldOut, 1e-5);
        Assert.Equal(selecting.Average(), found.Figures[^1].Selecting, 1e-5);
        Assert.InRange(found.Figures[^1].HeldOut, found.Figures[^1].Low, found.Figures[^1].High);

        static string KeyOf(TaskSample sample) =>
            MergeTasks.Caching.ContentDigest.Of($"task\n{sample.Prompt}\n{sample.Target}").ToString();
    }

    [Fact]
    public void Are_the_same_again_and_after_an_interruption_only_the_rest_is_run()
    {
        _project.Declare();
        _project.Found();
        var (file, runs) = (File.ReadAllBytes(_project.SearchFile), _project.Models.Engine.Runs.Count);
        _project.Models.Engine.Runs.Clear();
        _project.Found();
        Assert.Empty(_project.Models.Engine.Runs);
        Assert.Equal(file, File.ReadAllBytes(_project.SearchFile));

        // Another machine, on which the search is ended after some candidates; lines of the files in another order.
        File.Delete(_project.SearchFile);
        Space.Cache = Path.Combine(Space.Folder, "other");
        using var stop = new CancellationTokenSource();
        var candidates = 0;
        _project.Models.Engine.Running = _ => stop.Token.ThrowIfCancellationRequested();
        Assert.Throws<OperationCanceledException>(() => Space.Found("m", new Stopping(() =>
        {
            if (++candidates == 4)
                stop.Cancel();
        }), stop.Token));
        Assert.False(File.Exists(_project.SearchFile));
        var before = _project.Models.Engine.Runs.Count;
        _project.Models.Engine.Running = null;
        _project.Found();
        Assert.Equal(runs, _project.Models.Engine.Runs.Count);
        Assert.InRange(before, 1, runs - 1);
        Assert.Equal(file, File.ReadAllBytes(_project.SearchFile));
        _project.Declare(search: [("Seed", "1")]);
        Assert.NotEqual(
            SearchRecord.Read(_project.SearchFile, "m")!.Candidates.Select(candidate => candidate.Settings),
            _project.Found().Candidates.Select(candidate => candidate.Settings));
    }

    [Fact]
    public void Are_told_to_be_outdated_when_models_data_axes_or_the_merge_change()
    {
        _project.Declare();
        Assert.Contains("has not been searched yet", Assert.Single(_project.Warnings()).Message, StringComparison.Ordinal);
        var found = _project.Found();
        Assert.Empty(_project.Warnings());
        _project.Write("two", 5, 32);
        Says("'data/two.jsonl' changed");
        File.Delete(_project.Models.Data("two.jsonl"));
        Says("'data/two.jsonl' changed");
        _project.Write("two", 4, 32);
        Assert.Empty(_project.Warnings());
        _project.Declare(search: [("Budget", "9")]);
        Says("Budget differs");
        _project.Declare(merge: [("Method", "linear"), ("DType", "float16")]);
        Says("other settings of the merge");
        _project.Declare(axes: [.. SearchedProject.UsualAxes.Take(2)]);
        Says("Axis Weight of models/a differs");

        // What is no axis any more is what the project says.
        var weights = Assert.Single(Space.Declarations()).Models.Select(model => model.Parameters["weight"]);
        Assert.All(weights, weight => Assert.Equal(new Setting.Number(1), weight));
        _project.Declare();
        _project.Models.Tune("b", seed: 77);
        Says("the model 'models/b' changed");

        // Used all the same: whoever builds decides when to search again.
        Assert.Equal(found.Settings.Single(setting => setting.Name == "Method").Value, Assert.Single(Space.Declarations()).Method);

        void Says(string what) => Assert.Contains(what, Assert.Single(_project.Warnings()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_models_that_nothing_beats_are_said_to_beat_nothing()
    {
        // Both models are the base: whatever is merged of them is too. All weights may be 0, of which nothing can be merged.
        foreach (var model in new[] { "a", "b" })
            File.Copy(_project.Models.Model("base"), _project.Models.Model(model), overwrite: true);
        _project.Declare(axes: [("Weight", [("Range", "0..1"), ("Layers", "3")])], search: [("Budget", "6")]);
        var listener = new Listener();
        var found = _project.Found(listener);
        Assert.Equal(2, listener.Warnings.Count(warning => warning.Code == DiagnosticCode.NothingBeats));
        Assert.Matches(new Regex(@"^\[[0-9.]+, [0-9.]+, [0-9.]+\]$"), Assert.Single(found.Settings).Value);
        Assert.All(found.Figures, figure => Assert.Equal(found.Figures[0].HeldOut, figure.HeldOut, 1e-4));
        Assert.Contains(
            SearchTable.Of(Space.Declarations()[0].Search!, found), line => line.Contains("**m, best**", StringComparison.Ordinal));
    }

    [Fact]
    public void Need_a_candidate_that_keeps_the_guards_and_items_enough()
    {
        _project.Declare(search: [("Guard", "data/one.jsonl:0.9")]);
        Refused(DiagnosticCode.NoCandidate, "miss a guard");
        _project.Write("two", 4, 15);
        _project.Declare();
        Refused(DiagnosticCode.TooFewItems, "15 different items");

        // Equal items are one, so that none decides and is held out.
        var lines = File.ReadAllLines(_project.Models.Data("two.jsonl"));
        File.WriteAllLines(_project.Models.Data("two.jsonl"), [.. lines, .. lines, .. lines]);
        Refused(DiagnosticCode.TooFewItems, "15 different items");
        File.WriteAllText(_project.Models.Data("two.jsonl"), "{\"prompt\": 1}\n");
        Refused(DiagnosticCode.BadScoringData, "line 1");
        File.Delete(_project.Models.Data("two.jsonl"));
        Refused(DiagnosticCode.BadScoringData, "two.jsonl");
        Assert.False(File.Exists(_project.SearchFile));

        void Refused(DiagnosticCode code, string says)
        {
            var refused = Assert.Single(Assert.Throws<DiagnosticException>(() => _project.Found()).Diagnostics);
            Assert.Equal(code, refused.Code);
            Assert.Contains(says, refused.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Of_importance_are_measured_as_they_are_built_and_seen_items_are_told()
    {
        File.Copy(_project.Models.Data("one.jsonl"), _project.Models.Data("a.jsonl"), overwrite: true);
        Space.Clear();
        Space.Merge(
            "m", ("Base", "models/base"), ("Method", "task_arithmetic"), ("Calibration", "data/calibration.txt"), ("AimBlock", "16"),
            ("AimSamples", "8"), ("Weight", "1"));
        Space.Source("models/a", ("TaskData", "data/a.jsonl"));
        Space.Source("models/b", ("TaskData", "data/b.jsonl"));
        Space.Search("m", ("Evaluate", "data/one.jsonl;data/two.jsonl"), ("Budget", "6"), ("Objective", "mean-log-probability"));
        Space.Axis("Aim", ("Values", "off;0.4"));
        Space.Axis("MergeFactor", ("Range", "0.2..1.5"), ("Scale", "log"));
        var listener = new Listener();
        var found = _project.Found(listener);
        Assert.Contains("16 of 16 items of 'data/one.jsonl'", Assert.Single(
            listener.Warnings, warning => warning.Code == DiagnosticCode.SeenItems).Message, StringComparison.Ordinal);

        // Scores of the base are those of all candidates.
        Assert.Single(listener.Scores, score => score.Contains("activation", StringComparison.OrdinalIgnoreCase));
        Assert.Empty(_project.Warnings());
        Space.Run("m");
        using var model = new CpuEngine().Load(Space.Output("m"));
        var text = new TextModel(model, Tokenizer.Load(Path.Combine(Space.Output("m"), "tokenizer.json")));
        var means = new[] { "one", "two" }.Select(name => (Name: name, Items: SearchItems.Read(
            new DataFile(name, _project.Models.Data(name + ".jsonl"), new SourceLocation("")), "", text.Encoder, 512, 0.5))).Average(file =>
            TaskMetric.Of([.. file.Items.Held.Select(item => item.Prepare(text.Encoder))], 512).Batches
                .Sum(batch => model.Score(batch.Batch, batch.Targets)
                    .Zip(batch.Targets, (score, target) => score.LogProbability * target.Weight).Sum()));
        Assert.Equal(means, found.Figures[^1].HeldOut, 1e-5);
    }

    [Fact]
    public void Hold_for_recipes_too()
    {
        File.WriteAllText(Path.Combine(Space.Folder, "r.yml"), """
            merge_method: linear
            base_model: models/base
            models:
              - model: models/a
                parameters: {weight: 0.3}
              - model: models/b
                parameters: {weight: 0.7}
            """);
        Space.Clear();
        Space.Merge("r.yml", ("MergedModelName", "m"));
        Space.Search("m", ("Evaluate", "data/one.jsonl;data/two.jsonl"), ("Budget", "6"));
        Space.Axis("Method", ("Values", "ties;linear"));
        Space.Axis("Density", ("Values", "0.3;0.6"));
        Space.Axis("Weight", ("Range", "1..2"), ("Source", "models/b"));
        var found = _project.Found();
        var declared = Assert.Single(Space.Declarations());
        Assert.Equal(found.Settings.Single(setting => setting.Name == "Method").Value, declared.Method);
        Assert.Equal(declared.Method == "ties", declared.Parameters.ContainsKey("density"));
        Assert.Equal(new Setting.Number(0.3), declared.Models[0].Parameters["weight"]);
        Assert.InRange(((Setting.Number)declared.Models[1].Parameters["weight"]).Value, 1, 2);
        Assert.Empty(_project.Warnings());
    }

    [Fact]
    public void Take_over_tensors_that_another_candidate_has_made()
    {
        using var planner = new MergePlanner(new(new(Space.Cache), 2), 2, Space.Engine.NumericsVersion);
        var plain = Plan(planner, ("KeepTensors", "*mlp*"), ("Weight", "1"));
        var other = Plan(planner, ("KeepTensors", "*mlp*"), ("Weight", "0.5"));
        using var scores = Scores();
        using var first = new MergedInMemory(plain, null, scores.Context);
        Assert.Equal(0, first.Taken);
        using var host = new CpuEngine().Load(Path.GetDirectoryName(_project.Models.Model("base"))!);
        var before = Logits(first);
        using var second = new MergedInMemory(other, null, scores.Context, first);
        Assert.Equal(plain.Tensors.Count(tensor => tensor.Output.Name.Contains("mlp", StringComparison.Ordinal)), second.Taken);
        var changed = Logits(second);
        Assert.NotEqual(before, changed);
        using var fresh = new MergedInMemory(other, null, scores.Context);
        Assert.Equal(Logits(fresh), changed);
        using var back = new MergedInMemory(plain, null, scores.Context, second);
        Assert.Equal(before, Logits(back));
        using var same = new MergedInMemory(plain, null, scores.Context, back);
        Assert.Equal(plain.Tensors.Count, same.Taken);
        Assert.Equal(before, Logits(same));

        double[] Logits(MergedInMemory merged)
        {
            using var model = merged.In(host, 1);
            return TaskMetric.Of([([3, 4, 5, 6], [new(0, 0, 4), new(0, 1, 5), new(0, 2, 6)])], 64).Each(model, scores.Context);
        }
    }

    private MergePlan Plan(MergePlanner planner, params (string, string)[] settings)
    {
        Space.Clear();
        Space.Merge("m", [("Base", "models/base"), ("Method", "task_arithmetic"), .. settings]);
        Space.Source("models/a");
        Space.Source("models/b");
        return planner.Plan(Assert.Single(Space.Declarations()), default);
    }

    private ScoreBuild Scores() => new(
        "m", null, Space.Engine, new(Space.Cache, new(new(Space.Cache), 2)), MergeProgress.None, new(2, default), new(), default);

    private sealed class Stopping(Action noted) : MergeProgress
    {
        public override void Note(string message) => noted();
    }
}
