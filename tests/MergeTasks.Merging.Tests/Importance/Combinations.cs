using MergeTasks.Methods.BuiltIn;
using MergeTasks.Methods.Contract;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Importance;

/// <summary>Every method with neither, either and both, on small models; what depends on size is on the trained example models.</summary>
public sealed class Combinations : IDisposable
{
    private static readonly string[] Methods =
        [
            .. MergeMethods.All
                .Where(method => !method.MakesAdapter && method.Statistic == ModelStatistic.None)
                .Select(method => method.Name)
        ];

    private readonly MergeWorkspace _space = new();
    private readonly CountingEngine _engine = new();
    private readonly string _models = ExampleModels.Folder;

    private Inputs Trained => new(_models, Path.Combine(_models, "data"), "calibration.jsonl", "128", ["math", "code", "manual"]);

    public Combinations() => _space.Engine = _engine;

    public void Dispose() => _space.Dispose();

    [Fact]
    public void All_build_and_score_once()
    {
        using var project = new ScoredProject("llama-A", "a", "b", "c");
        var small = new Inputs(Path.Combine(project.Space.Folder, "models"), project.Data(), "calibration.txt", "16", ["a", "b", "c"]);
        var seen = new HashSet<string>();
        foreach (var (aim, apl) in new[] { (false, false), (true, false), (false, true), (true, true) })
        {
            foreach (var method in Methods)
            {
                // 'model_stock' of changes that have nothing in common is the base.
                var (space, inputs) = method == "model_stock" ? (_space, Trained) : (project.Space, small);
                Declare(space, inputs, method, aim, apl);
                space.Run("m");
                var result = space.Result("m");
                Assert.All(result.Values, tensor => Assert.True(Array.TrueForAll(tensor.Floats(), float.IsFinite)));
                var weight = Convert.ToHexString(result["model.layers.2.mlp.up_proj.weight"].Bytes);
                Assert.True(seen.Add($"{method} {weight}"), $"{method}: something must change.");
                Assert.True(space.State("m").IsFresh, string.Join("; ", space.State("m").Reasons));
            }
        }

        // Blocks of the calibration text run eight at a time; each task is one small batch of samples or a few.
        foreach (var (space, engine, inputs, method) in new[]
        {
            (project.Space, project.Engine, small, "ties"), (_space, _engine, Trained, "model_stock"),
        })
        {
            Assert.Single(engine.Runs.Where(run => run.StartsWith("observe", StringComparison.Ordinal)).Distinct());
            var backward = engine.Tokens["backward"];
            Declare(space, inputs, method, true, true);
            Directory.Delete(space.Output("m"), recursive: true);
            space.Run("m");
            Assert.Equal(backward, engine.Tokens["backward"]);
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
            Declare(_space, Trained, method, true, true, mode);
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

    private static void Declare(
        MergeWorkspace space, Inputs inputs, string method, bool aim, bool apl, string compatibility = "none")
    {
        space.Clear();
        space.Merge("m",
        [
            ("Method", method), ("Base", Path.Combine(inputs.Models, "base")), ("Compatibility", compatibility),
            .. Needs(method, "t") ? [("T", method == "nearswap" ? "0.01" : "0.5")] : Array.Empty<(string, string)>(),
            .. method.StartsWith("della", StringComparison.Ordinal) ? [("Density", "0.5")] : Array.Empty<(string, string)>(),
            .. aim
                ? [("Aim", "0.4"), ("Calibration", Path.Combine(inputs.Data, inputs.Calibration)), ("AimBlock", inputs.Block)]
                : Array.Empty<(string, string)>(),
            .. FirstVersion.With(apl ? [("Apl", "layer")] : []),
        ]);
        foreach (var model in inputs.Names.Take(MergeMethods.Find(method)!.MaxModels))
        {
            space.Source(Path.Combine(inputs.Models, model),
            [
                ("TaskData", Path.Combine(inputs.Data, model + ".jsonl")),
                .. Needs(method, "weight") ? [("Weight", "0.4")] : Array.Empty<(string, string)>(),
            ]);
        }
    }

    private static bool Needs(string method, string parameter) =>
        MergeMethods.Find(method)!.Parameters.Any(declared => declared.Name == parameter && declared.Default is null);

    /// <summary>Models, the texts and tasks in a folder beside them, and how many tokens a block of the calibration text has.</summary>
    private sealed record Inputs(string Models, string Data, string Calibration, string Block, string[] Names);
}
