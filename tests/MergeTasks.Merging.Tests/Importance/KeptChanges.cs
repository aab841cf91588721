using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Locating;
using MergeTasks.TestSupport;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Metrics;
using MergeTasks.Transformers.Processor;
using MergeTasks.Transformers.Tokenization;

namespace MergeTasks.Merging.Tests.Importance;

/// <summary>What must hold of the changes that APL keeps, whatever it finds.</summary>
public sealed class KeptChanges : IDisposable
{
    private readonly MergeWorkspace _space = new();
    private readonly string _models = ExampleModels.Folder;

    public void Dispose() => _space.Dispose();

    [Theory]
    [InlineData("task_arithmetic", "magnitude", "layer")]
    [InlineData("ties", "random", "tensor")]
    [InlineData("linear", "importance", "hidden")]
    [InlineData("dare_ties", "restore-importance", "layer")]
    [InlineData("linear", "magnitude", "hidden")]
    public void All_of_them_are_the_plain_merge_bit_for_bit(string method, string drop, string level)
    {
        using var project = new ScoredProject();
        (string, string)[] plain = [
            ("MergeFactor", "off"), .. method is "ties" or "dare_ties" ? [("Density", "1")] : Array.Empty<(string, string)>()
        ];
        project.DeclareAsIs(method, ["a", "b"], plain);
        project.Run();
        var merged = project.Space.Result("m");
        foreach (var rescale in new[] { "none", "task" })
        {
            project.DeclareAsIs(
                method,
                ["a", "b"],
                [("Apl", level), ("AplDensity", "1"), ("AplDrop", drop), ("AplRescale", rescale), ("SelfCheck", "false"), .. plain]);
            project.Run();
            Assert.All(project.Space.Result("m"), tensor => Assert.Equal(merged[tensor.Key].Bytes, tensor.Value.Bytes));
        }
    }

    [Theory]
    [InlineData("layer", "0.05")]
    [InlineData("tensor", "0.2")]
    [InlineData("hidden", "0.1")]
    public void At_least_the_density_is_kept_and_more_only_where_changes_are_equal(string level, string density)
    {
        var result = Prune("kind", ("Apl", level), ("AplDensity", density), ("AplRescale", "none"));
        var (basis, tuned) = (TestCheckpoint.Read(Path.Combine(_models, "base")), TestCheckpoint.Read(Path.Combine(_models, "kind")));
        var (kept, needed, elements) = (0L, 0L, 0L);
        foreach (var (name, tensor) in result)
        {
            var (b, t, p) = (basis[name].Floats(), tuned[name].Floats(), tensor.Floats());
            var delta = Enumerable.Range(0, b.Length).Select(i => Math.Abs(t[i] - b[i])).ToArray();
            var isKept = Enumerable.Range(0, b.Length).Select(i => p[i] != b[i]).ToArray();
            Assert.All(Enumerable.Range(0, b.Length), i => Assert.True(p[i] == (isKept[i] ? t[i] : b[i])));
            elements += b.Length;
            kept += isKept.LongCount(value => value);

            // Of a part that competes by itself: no dropped change exceeds a kept one, and the equal ones are kept or dropped together.
            var columns = tensor.Shape.Length < 2 || level != "hidden" ? b.Length : (int)tensor.Shape[1];
            for (var start = 0; start < b.Length; start += columns)
            {
                var part = Enumerable.Range(start, columns).Where(i => delta[i] > 0).ToList();
                var smallest = part.Where(i => isKept[i]).Select(i => delta[i]).DefaultIfEmpty(float.PositiveInfinity).Min();
                Assert.All(part.Where(i => !isKept[i]), i => Assert.True(delta[i] < smallest));
                needed += part.LongCount(i => isKept[i] && delta[i] > smallest);
            }
        }

        var target = double.Parse(density, System.Globalization.CultureInfo.InvariantCulture) * elements;
        Assert.True(kept >= target - 1, $"{kept} of {elements}");
        Assert.True(needed <= target + result.Count, $"{needed} above the thresholds, where {target} suffice.");
    }

    [Fact]
    public void Of_parts_that_matter_the_same_are_the_largest_of_each_tensor()
    {
        var result = Prune("close", ("Apl", "layer"), ("AplDensity", "0.1"), ("AplTau1", "inf"), ("AplRescale", "none"));
        var (basis, tuned) = (TestCheckpoint.Read(Path.Combine(_models, "base")), TestCheckpoint.Read(Path.Combine(_models, "close")));
        foreach (var (name, tensor) in result)
        {
            var (b, t, p) = (basis[name].Floats(), tuned[name].Floats(), tensor.Floats());
            var sizes = b.Zip(t, (x, y) => Math.Abs(y - x)).OrderDescending().ToArray();
            var threshold = sizes[(int)Math.Ceiling(0.1 * sizes.Length) - 1];
            Assert.All(Enumerable.Range(0, b.Length), i => Assert.Equal(Math.Abs(t[i] - b[i]) >= threshold ? t[i] : b[i], p[i]));
        }
    }

    [Fact]
    public void Cost_no_more_of_the_task_than_is_said()
    {
        // A factor that is not 1, so that the output shows it.
        var result = Prune("kind", ("Apl", "layer"), ("AplDensity", "0.05"));
        var reported = (double)Manifest()["importance"]!["models"]![0]!["change"]!["recovery"]!;
        var scale = (double)Manifest()["importance"]!["models"]![0]!["change"]!["scale"]!;
        Assert.InRange(scale, 1.25, 3);
        var (basis, tuned, kept) = (Score(Path.Combine(_models, "base")), Score(Path.Combine(_models, "kind")), Score(_space.Output("m")));
        Assert.Equal((kept - basis) / (tuned - basis), reported, 1e-4);

        // No other factor does better.
        foreach (var other in new[] { 1, scale - 0.5, scale + 0.5 }.Where(value => value <= 3))
        {
            using var model = new CpuEngine().Load(Path.Combine(_models, "base"));
            var values = result.ToDictionary(
                tensor => tensor.Key,
                tensor =>
                    ParameterValue.FromSingles(
                        tensor.Value.Shape, Scaled(model.Parameters[tensor.Key], tensor.Value.Floats(), other / scale)));
            using var changed = model.Replacing(values);
            Assert.True(Score(changed) <= kept + 1e-6);
        }
    }

    [Fact]
    public void Are_chosen_by_themselves_where_that_costs_nothing()
    {
        Prune("kind", ("Apl", "layer"));
        var change = Manifest()["importance"]!["models"]![0]!["change"]!;
        Assert.Equal(0.1, (double)change["density"]!);
        Assert.InRange((double)change["recovery"]!, 0.98, 1.02);
        Prune("first", ("Apl", "layer"));
        Assert.Equal(0.5, (double)Manifest()["importance"]!["models"]![0]!["change"]!["density"]!);
    }

    [Fact]
    public void Are_all_where_fine_tuning_gained_nothing_and_that_is_told()
    {
        var heard = new Listener();
        _space.Merge("m", ("Method", "passthrough"), ("Base", Path.Combine(_models, "base")), ("Apl", "layer"), ("SelfCheck", "false"));
        _space.Source(Path.Combine(_models, "kind"), ("TaskData", Path.Combine(_models, "data", "first.jsonl")));
        _space.Run("m", heard);
        var warning = Assert.Single(heard.Warnings);
        Assert.Equal((DiagnosticCode.NoGain, true), (warning.Code, warning.IsWarning));
        Assert.All(
            _space.Result("m"),
            tensor => Assert.Equal(TestCheckpoint.Read(Path.Combine(_models, "kind"))[tensor.Key].Bytes, tensor.Value.Bytes));
    }

    [Fact]
    public void Of_importance_have_the_largest_second_order_effect()
    {
        using var project = new ScoredProject("llama-A", "a");
        project.DeclareAsIs(
            "passthrough",
            ["a"],
            ("Apl", "layer"),
            ("AplDensity", "0.2"),
            ("AplDrop", "importance"),
            ("AplRescale", "none"),
            ("SelfCheck", "false"));
        project.Run();
        var (basis, tuned, result) =
            (TestCheckpoint.ReadFile(project.Model("base")), TestCheckpoint.ReadFile(project.Model("a")), project.Space.Result("m"));
        var sums = new Sums();
        using var model = new CpuEngine().Load(Path.GetDirectoryName(project.Model("a"))!);
        var text = new TextModel(model, Tokenizer.Load(project.Model("base", "tokenizer.json")));
        var samples = JsonLines.ReadTasks(project.Data("a.jsonl"));
        foreach (var sample in samples.Select(text.Prepare))
        {
            sums.Begin();
            var targets = sample.Targets(0).ToList();
            model.Backward(
                new TokenBatch(new TokenSequence(sample.Ids)),
                targets.ConvertAll(target => target with { Weight = 1.0 / targets.Count }),
                sums);
            sums.End(samples.Count);
        }

        foreach (var (name, tensor) in result)
        {
            var (b, t, p) = (basis[name].Floats(), tuned[name].Floats(), tensor.Floats());
            var effect = Enumerable.Range(0, b.Length)
                .Select(i =>
                    ((double)t[i] - b[i]) is var delta
                        ? (delta * delta * sums.Squares[name][i] / 2) + Math.Abs(delta * sums.Means[name][i])
                        : 0)
                .ToArray();
            var kept = Enumerable.Range(0, b.Length).Where(i => p[i] != b[i]).ToList();
            var dropped = Enumerable.Range(0, b.Length).Where(i => p[i] == b[i]).ToList();
            Assert.NotEmpty(kept);
            Assert.True(dropped.Count == 0 || dropped.Max(i => effect[i]) <= kept.Min(i => effect[i]) * (1 + 1e-3), name);
        }
    }

    [Fact]
    public void Budgets_are_by_importance_per_parameter_between_bounds()
    {
        // Per parameter 1, 4 and 4; a tenth of all, by their square roots over the median's.
        var ratios = KeepRatios.PerParameter([100, 1600, 400], [100, 400, 100], 0.1, 2);
        Assert.Equal(2, ratios[1] / ratios[0], 1e-9);
        Assert.Equal(ratios[1], ratios[2], 1e-9);
        Assert.Equal(60, (100 * ratios[0]) + (400 * ratios[1]) + (100 * ratios[2]), 1e-6);

        // A small part of enormous importance per parameter counts as 20 times the median, one of none as a twentieth.
        ratios = KeepRatios.PerParameter([1e9, 1000, 1000, 0], [10, 1000, 1000, 1000], 0.01, 1);
        Assert.Equal(20, ratios[0] / ratios[1], 1e-9);
        Assert.Equal(0.05, ratios[3] / ratios[1], 1e-9);
        Assert.All(KeepRatios.PerParameter([7, 70, 14], [10, 100, 20], 0.3, 2), ratio => Assert.Equal(0.3, ratio, 1e-12));
        Assert.All(KeepRatios.PerParameter([0, 0], [10, 100], 0.3, 2), ratio => Assert.Equal(0.3, ratio, 1e-12));
    }

    [Fact]
    public void A_walk_uphill_finds_the_peak_and_tries_few()
    {
        double[] values = [0.3, 0.4, 0.5, 0.6, 0.7, 0.85, 1, 1.25, 1.5];
        for (var peak = 0; peak < values.Length; peak++)
        {
            var tried = 0;
            var climb = new HillClimb(values, value =>
            {
                tried++;
                return -Math.Abs(value - values[peak]);
            });
            Assert.Equal(peak, climb.Peak(3));
            Assert.InRange(tried, 2, Math.Abs(peak - 3) + 4);
            Assert.Equal(Array.FindIndex(values, value => Math.Abs(value - values[peak]) <= 0.11), climb.SmallestWithin(peak, 0.11));
        }
    }

    private Dictionary<string, RawTensor> Prune(string model, params (string, string)[] settings)
    {
        _space.Clear();
        _space.Merge(
            "m",
            [
                ("Method", "passthrough"),
                ("Base", Path.Combine(_models, "base")),
                ("DType", "float32"),
                ("SelfCheck", "false"),
                .. settings
            ]);
        _space.Source(Path.Combine(_models, model), ("TaskData", Path.Combine(_models, "data", model + ".jsonl")));
        _space.Run("m");
        return _space.Result("m");
    }

    private System.Text.Json.Nodes.JsonNode Manifest() =>
        System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(Path.Combine(_space.Output("m"), "merge.manifest.json")))!;

    private double Score(string folder)
    {
        using var model = new CpuEngine().Load(folder);
        return Score(model);
    }

    private double Score(ITransformerModel model) => TaskScore.Measure(
        new TextModel(model, Tokenizer.Load(Path.Combine(_models, "base", "tokenizer.json"))),
        JsonLines.ReadTasks(Path.Combine(_models, "data", "kind.jsonl"))).MeanLogProbability;

    private static float[] Scaled(ParameterValue basis, float[] values, double factor)
    {
        var origin = new float[values.Length];
        basis.CopyTo(0, origin);
        return [.. values.Zip(origin, (value, b) => (float)(b + ((value - (double)b) * factor)))];
    }

    private sealed class Sums : IGradientReceiver
    {
        private readonly Dictionary<string, double[]> _sample = [];

        public Dictionary<string, double[]> Means { get; } = [];

        public Dictionary<string, double[]> Squares { get; } = [];

        public void Begin() => _sample.Clear();

        public void Receive(in GradientPiece piece)
        {
            var length = piece.Shape.Aggregate(1L, (product, dimension) => product * dimension);
            if (!_sample.TryGetValue(piece.Parameter, out var own))
                _sample[piece.Parameter] = own = new double[length];
            for (var i = 0; i < piece.Values.Length; i++)
                own[(piece.FirstRow * (length / piece.Shape[0])) + i] += piece.Values[i];
        }

        public void End(int samples)
        {
            foreach (var (name, own) in _sample)
            {
                Means[name] = [.. own.Select((value, i) => (Means.TryGetValue(name, out var sums) ? sums[i] : 0) + (value / samples))];
                Squares[name] = [
                    .. own.Select((value, i) => (Squares.TryGetValue(name, out var sums) ? sums[i] : 0) + (value * value / samples))
                ];
            }
        }
    }
}
