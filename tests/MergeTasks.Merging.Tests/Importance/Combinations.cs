using MergeTasks.Methods.BuiltIn;
using MergeTasks.Methods.Contract;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Importance;

/// <summary>Every method with neither, either and both, on the trained example models.</summary>
public sealed class Combinations : IDisposable
{
    // The decompositions of 'tsv' take minutes on models of this size, so it has smaller ones.
    private static readonly string[] Methods =
        [
            .. MergeMethods.All
                .Where(method => !method.MakesAdapter && method.Statistic == ModelStatistic.None)
                .Select(method => method.Name)
                .Where(name => name != "tsv")
        ];

    private readonly MergeWorkspace _space = new();
    private readonly CountingEngine _engine = new();
    private readonly string _models = ExampleModels.Folder;

    public Combinations() => _space.Engine = _engine;

    public void Dispose() => _space.Dispose();

    [Fact]
    public void All_build_and_score_once()
    {
        var plain = new Dictionary<string, byte[]>();
        foreach (var (aim, apl) in new[] { (false, false), (true, false), (false, true), (true, true) })
        {
            foreach (var method in Methods)
            {
                Declare(method, aim, apl);
                _space.Run("m");
                var result = _space.Result("m");
                Assert.All(result.Values, tensor => Assert.True(Array.TrueForAll(tensor.Floats(), float.IsFinite)));
                var weight = result["model.layers.2.mlp.up_proj.weight"].Bytes;
                if (aim || apl)
                    Assert.False(plain[method].AsSpan().SequenceEqual(weight), $"{method}: something must change.");
                else
                    plain[method] = weight;
                Assert.True(_space.State("m").IsFresh, string.Join("; ", _space.State("m").Reasons));
            }
        }

        // Blocks of the calibration text run eight at a time; each task is one small batch of samples or a few.
        Assert.Single(_engine.Runs.Where(run => run.StartsWith("observe", StringComparison.Ordinal)).Select(run => run).Distinct());
        var backward = _engine.Tokens["backward"];
        Declare("ties", true, true);
        Directory.Delete(_space.Output("m"), recursive: true);
        _space.Run("m");
        Assert.Equal(backward, _engine.Tokens["backward"]);
    }

    [Fact]
    public void Singular_vectors_go_with_both_on_small_models()
    {
        using var project = new ScoredProject("llama-A", "a", "b", "c");
        var seen = new HashSet<string>();
        foreach (var (aim, apl) in new[] { (false, false), (true, false), (false, true), (true, true) })
        {
            project.Space.Clear();
            project.Space.Merge("m",
            [
                ("Method", "tsv"), ("Base", "models/base"),
                .. aim ? [("Aim", "0.4"), ("Calibration", "data/calibration.txt"), ("AimBlock", "16")] : Array.Empty<(string, string)>(),
                .. FirstVersion.With(apl ? [("Apl", "layer")] : []),
            ]);
            foreach (var model in new[] { "a", "b", "c" })
                project.Space.Source("models/" + model, ("TaskData", $"data/{model}.jsonl"));
            project.Run();
            var result = project.Space.Result("m");
            Assert.All(result.Values, tensor => Assert.True(Array.TrueForAll(tensor.Floats(), float.IsFinite)));
            Assert.True(seen.Add(Convert.ToHexString(result["model.layers.2.mlp.up_proj.weight"].Bytes)), "Something must change.");
        }
    }

    [Theory]
    [InlineData("random")]
    [InlineData("magnitude")]
    [InlineData("importance")]
    [InlineData("restore-importance")]
    public void Only_the_target_share_of_a_pruned_model_differs_from_the_base(string rule)
    {
        _space.Merge("m", [("Method", "passthrough"), ("Base", Path.Combine(_models, "base")), ("DType", "float32"),
            .. FirstVersion.With(("Apl", "hidden"), ("AplDensity", "0.3"), ("AplDrop", rule), ("AplRescale", "false"))]);
        _space.Source(Path.Combine(_models, "math"), ("TaskData", Path.Combine(_models, "data", "math.jsonl")));
        _space.Run("m");
        var (basis, tuned, pruned) =
            (TestCheckpoint.Read(Path.Combine(_models, "base")), TestCheckpoint.Read(Path.Combine(_models, "math")), _space.Result("m"));
        long changed = 0, kept = 0;
        foreach (var (name, tensor) in pruned)
        {
            var (b, t, p) = (basis[name].Floats(), tuned[name].Floats(), tensor.Floats());
            for (var i = 0; i < b.Length; i++)
            {
                changed += t[i] != b[i] ? 1 : 0;
                kept += p[i] != b[i] ? 1 : 0;
                Assert.True(p[i] == b[i] || Math.Abs(p[i] - t[i]) < 1e-6f);
            }
        }

        if (rule == "random")
            Assert.InRange(kept / (double)changed, 0.297, 0.303);
        else
            Assert.Equal((long)Math.Round(0.3 * changed, MidpointRounding.AwayFromZero), kept);
    }

    [Fact]
    public void Compatibility_rounds_what_the_method_reads_and_takes_nothing_else_from_a_pruned_model()
    {
        // A dropped element is the base's, and a kept one the fine-tuned one, but where that is so much smaller that fp32 loses its end.
        _space.Merge("m", [("Method", "passthrough"), ("Base", Path.Combine(_models, "base")), ("Compatibility", "mergekit"),
            .. FirstVersion.With(("Apl", "tensor"), ("AplDensity", "0.3"), ("AplRescale", "false"))]);
        _space.Source(Path.Combine(_models, "math"), ("TaskData", Path.Combine(_models, "data", "math.jsonl")));
        _space.Run("m");
        var (basis, tuned, pruned) =
            (TestCheckpoint.Read(Path.Combine(_models, "base")), TestCheckpoint.Read(Path.Combine(_models, "math")), _space.Result("m"));
        foreach (var (name, tensor) in pruned)
        {
            var (b, t, p) = (basis[name].Floats(), tuned[name].Floats(), tensor.Floats());
            Assert.All(
                Enumerable.Range(0, b.Length),
                i =>
                    Assert.True(
                        p[i] == b[i] || p[i] == t[i] || Math.Abs(p[i] - t[i]) < 1e-7f * Math.Abs(b[i]),
                        $"{name}[{i}]: {b[i]:R} {t[i]:R} {p[i]:R}"));
        }
    }

    [Theory]
    [InlineData("linear")]
    [InlineData("ties")]
    [InlineData("dare_ties")]
    public void Compatibility_changes_no_more_than_rounding_does(string method)
    {
        // Seeded masks of the method itself differ by design, so APL drops and the method does not.
        foreach (var mode in new[] { "none", "mergekit" })
        {
            Declare(method, true, true, mode);
            if (Directory.Exists(_space.Output("m")))
                Directory.Delete(_space.Output("m"), recursive: true);
            _space.Run("m");
            Directory.CreateDirectory(Path.Combine(_space.Folder, "kept"));
            Directory.Move(_space.Output("m"), Path.Combine(_space.Folder, "kept", mode));
        }

        var (exact, compatible) =
            (TestCheckpoint.Read(Path.Combine(_space.Folder, "kept", "none")),
                TestCheckpoint.Read(Path.Combine(_space.Folder, "kept", "mergekit")));
        var (squares, size) = (0.0, 0.0);
        foreach (var (name, tensor) in exact)
        {
            foreach (var (x, y) in tensor.Floats().Zip(compatible[name].Floats()))
                (squares, size) = (squares + (((double)x - y) * ((double)x - y)), size + ((double)x * x));
        }

        Assert.InRange(Math.Sqrt(squares / size), 1e-9, 0.01);
    }

    [Theory]
    [InlineData("random", 1, 4)]
    [InlineData("magnitude", 1, 3)]
    public void Results_do_not_depend_on_threads(string rule, int few, int many)
    {
        SortedDictionary<string, string>? before = null;
        foreach (var threads in new[] { few, many })
        {
            _space.Clear();
            _space.Threads = threads;
            _space.Merge(
                "m",
                [
                    ("Method", "ties"),
                    ("Base", Path.Combine(_models, "base")),
                    .. FirstVersion.With(("Apl", "model;tensor"), ("AplDrop", rule), ("AplDensity", "0.4"))
                ]);
            foreach (var model in new[] { "math", "code" })
                _space.Source(
                    Path.Combine(_models, model), ("Weight", "0.5"), ("TaskData", Path.Combine(_models, "data", model + ".jsonl")));
            if (Directory.Exists(_space.Output("m")))
                Directory.Delete(_space.Output("m"), recursive: true);
            _space.Run("m");
            before ??= FolderContent.Of(_space.Output("m"));
            Assert.Equal(before, FolderContent.Of(_space.Output("m")));
        }
    }

    private void Declare(string method, bool aim, bool apl, string compatibility = "none")
    {
        _space.Clear();
        _space.Merge("m",
        [
            ("Method", method), ("Base", Path.Combine(_models, "base")), ("Compatibility", compatibility),
            .. Needs(method, "t") ? [("T", method == "nearswap" ? "0.01" : "0.5")] : Array.Empty<(string, string)>(),
            .. method.StartsWith("della", StringComparison.Ordinal) ? [("Density", "0.5")] : Array.Empty<(string, string)>(),
            .. aim
                ? [("Aim", "0.4"), ("Calibration", Path.Combine(_models, "data", "calibration.jsonl")), ("AimBlock", "128")]
                : Array.Empty<(string, string)>(),
            .. FirstVersion.With(apl ? [("Apl", "layer")] : []),
        ]);
        foreach (var model in new[] { "math", "code", "manual" }.Take(MergeMethods.Find(method)!.MaxModels))
        {
            _space.Source(Path.Combine(_models, model),
            [
                ("TaskData", Path.Combine(_models, "data", model + ".jsonl")),
                .. Needs(method, "weight") ? [("Weight", "0.4")] : Array.Empty<(string, string)>(),
            ]);
        }
    }

    private static bool Needs(string method, string parameter) =>
        MergeMethods.Find(method)!.Parameters.Any(declared => declared.Name == parameter && declared.Default is null);
}
