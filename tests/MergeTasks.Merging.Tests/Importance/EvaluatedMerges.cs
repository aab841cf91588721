using System.Text.Json;
using System.Text.Json.Nodes;
using MergeTasks.Caching;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Importance;
using MergeTasks.Merging.Build;
using MergeTasks.Merging.Measuring.Evaluation;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Importance;

/// <summary>Evaluations of merges against what the reference implementation measures on the trained example models.</summary>
public sealed class EvaluatedMerges : IDisposable
{
    private readonly MergeWorkspace _space = new();
    private readonly CountingEngine _engine = new();
    private readonly string _models = ExampleModels.Folder;

    public EvaluatedMerges()
    {
        _space.Engine = _engine;
        _space.Merge("m", ("Method", "passthrough"), ("Base", Path.Combine(_models, "base")));
        _space.Source(Path.Combine(_models, "math"));
    }

    public void Dispose() => _space.Dispose();

    [Fact]
    public void Equal_the_reference_and_are_cached()
    {
        _space.Run("m");
        var results = Evaluate(("math.jsonl", []), ("pydoc.jsonl", [("TokensPerText", "128")]));
        using var reference = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(_models, "reference.json")));
        foreach (var (name, math, pydoc) in new[]
        {
            ("math", results[0].Merged, results[1].Merged), ("base", Base(results[0]), Base(results[1]))
        })
        {
            var expected = reference.RootElement.GetProperty(name);
            Assert.Equal(expected.GetProperty("math").GetProperty("exact_match").GetDouble(), Math.Round(math.Value, 5));
            Assert.Equal(expected.GetProperty("math").GetProperty("mean_logprob").GetDouble(), math.LogProbability, 1e-5);
            Assert.Equal(expected.GetProperty("pydoc").GetProperty("perplexity").GetDouble(), pydoc.Value, 1e-3);
        }

        _engine.Runs.Clear();
        Assert.Equal(
            results.Select(result => result.Merged),
            Evaluate(("math.jsonl", []), ("pydoc.jsonl", [("TokensPerText", "128")])).Select(result => result.Merged));
        Assert.Empty(_engine.Runs);
        Assert.Equal(
            ["", "", "math: exact match, nll", "pydoc: perplexity", ""],
            EvaluationTable.Of(results).First().Split('|').Select(cell => cell.Trim()));
        Assert.Equal(["base (base)", "math", "**m**"], EvaluationTable.Of(results).Skip(2).Select(line => line.Split('|')[1].Trim()));
    }

    [Fact]
    public void Miss_thresholds_as_errors()
    {
        _space.Run("m");
        var results = Evaluate(
            ("math.jsonl", [("MinExactMatch", "0.99")]),
            ("math.jsonl", [("MinExactMatch", "0.01"), ("MaxRegression", "0")]),
            ("pydoc.jsonl", [("TokensPerText", "32"), ("MaxPerplexity", "2")]),
            ("pydoc.jsonl", [("TokensPerText", "32"), ("MaxRegression", "0.000001")]),
            ("pydoc.jsonl", [("TokensPerText", "32"), ("MinExactMatch", "0.5")]));
        Assert.Equal(
            [
                DiagnosticCode.EvaluationFailed,
                DiagnosticCode.EvaluationFailed,
                DiagnosticCode.EvaluationFailed,
                DiagnosticCode.InvalidValue
            ],
            results.SelectMany(result => result.Failures()).Select(failure => failure.Code));
    }

    [Fact]
    public void Need_a_merge_that_was_made_and_exists()
    {
        Assert.Equal(
            DiagnosticCode.OutputMissing,
            Assert.Single(Assert.Throws<DiagnosticException>(() => Evaluate(("math.jsonl", []))).Diagnostics).Code);
        Assert.Equal(
            DiagnosticCode.UnknownInto,
            Assert.Single(Assert.Throws<DiagnosticException>(() => Evaluate(("math.jsonl", [("Into", "n")]))).Diagnostics).Code);
        Assert.Equal(
            DiagnosticCode.InvalidValue,
            Assert.Single(Assert.Throws<DiagnosticException>(() => Evaluate(("math.jsonl", [("MinAccuracy", "2")]))).Diagnostics).Code);
    }

    [Fact]
    public void Are_told_by_manifest_and_card_until_the_tensors_change()
    {
        _space.Run("m");
        var weights = FolderContent.StampsOf(_space.Output("m"))["model.safetensors"];
        Evaluate(("math.jsonl", []));
        Assert.Equal(weights, FolderContent.StampsOf(_space.Output("m"))["model.safetensors"]);
        Assert.Contains(
            "| math.jsonl | `m` (merge) | exact match |",
            File.ReadAllText(Path.Combine(_space.Output("m"), "README.md")),
            StringComparison.Ordinal);
        using (var manifest = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(_space.Output("m"), "merge.manifest.json"))))
            Assert.Equal(3, manifest.RootElement.GetProperty("evaluations")[0].GetProperty("results").GetArrayLength());
        Assert.True(_space.State("m").IsFresh, string.Join("; ", _space.State("m").Reasons));
        _space.Clear();
        _space.Merge("m", ("Method", "passthrough"), ("Base", Path.Combine(_models, "base")));
        _space.Source(Path.Combine(_models, "code"));
        _space.Run("m");
        Assert.DoesNotContain("## Evaluation", File.ReadAllText(Path.Combine(_space.Output("m"), "README.md")), StringComparison.Ordinal);
        Assert.True(_space.State("m").IsFresh);
    }

    [Fact]
    public void Figures_that_somebody_wrote_into_a_manifest_are_dropped()
    {
        _space.Run("m");
        var never = FolderContent.Of(_space.Output("m"));
        Evaluate(("math.jsonl", []));
        var path = Path.Combine(_space.Output("m"), "merge.manifest.json");
        var manifest = JsonNode.Parse(File.ReadAllText(path))!;
        manifest["evaluations"]![0]!["results"]![0]!["value"] = 0.999;
        File.WriteAllText(path, manifest.ToJsonString());
        Assert.Contains("is not as this merge wrote it", Assert.Single(_space.State("m").Reasons), StringComparison.Ordinal);
        _space.Run("m");
        Assert.Equal(never, FolderContent.Of(_space.Output("m")));
    }

    [Theory]
    [InlineData("tokenizer.json")]
    [InlineData("config.json")]
    [InlineData("model.safetensors")]
    public void What_somebody_changed_is_not_measured_under_the_merges_name(string file)
    {
        _space.Run("m");
        File.AppendAllText(Path.Combine(_space.Output("m"), file), " ");
        Assert.Equal(
            DiagnosticCode.OutputMissing,
            Assert.Single(Assert.Throws<DiagnosticException>(() => Evaluate(("math.jsonl", []))).Diagnostics).Code);
        _space.Run("m");
        Evaluate(("math.jsonl", []));
    }

    [Fact]
    public void An_infinite_perplexity_is_told_and_misses_every_threshold()
    {
        // Logits so far apart that the probability of some token is nothing.
        var broken = Path.Combine(_space.Folder, "models", "broken");
        TestCheckpoint.Write(
            broken,
            [
                .. TestCheckpoint.Read(Path.Combine(_models, "math"))
                    .Select(pair =>
                        (pair.Key,
                            RawTensor.F32(
                                pair.Value.Shape,
                                Array.ConvertAll(pair.Value.Floats(), value => pair.Key == "model.norm.weight" ? value * 1e6f : value))))
            ]);
        foreach (var file in Directory.EnumerateFiles(Path.Combine(_models, "math"))
            .Where(path => !path.EndsWith(".safetensors", StringComparison.Ordinal)))
            File.Copy(file, Path.Combine(broken, Path.GetFileName(file)), overwrite: true);
        _space.Clear();
        _space.Merge("m", ("Method", "passthrough"), ("Base", broken));
        _space.Source(broken);
        _space.Run("m");
        for (var i = 0; i < 2; i++)
        {
            var result = Assert.Single(
                Evaluate(("pydoc.jsonl", [("TokensPerText", "32"), ("MaxPerplexity", "1e300"), ("MaxRegression", "1e300")])));
            Assert.Equal(double.PositiveInfinity, result.Merged.Value);
            Assert.Equal(
                [DiagnosticCode.EvaluationFailed, DiagnosticCode.EvaluationFailed], result.Failures().Select(failure => failure.Code));
            Assert.True(_space.State("m").IsFresh, string.Join("; ", _space.State("m").Reasons));
        }

        Assert.Contains(
            "| perplexity | Infinity |", File.ReadAllText(Path.Combine(_space.Output("m"), "README.md")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(double.NaN, 1.0)]
    [InlineData(1.0, double.NaN)]
    [InlineData(double.PositiveInfinity, double.PositiveInfinity)]
    [InlineData(double.PositiveInfinity, 2.0)]
    public void What_is_no_number_misses(double merged, double reference)
    {
        foreach (var measure in Enum.GetValues<Measure>())
        {
            var declared = new EvaluationDeclaration(
                "m", new DataFile("x", "/x", new SourceLocation("x")), new SourceLocation("x"))
            { MaxRegression = 1e300 };
            var evaluation = new MergeEvaluation(
                declared, new Measurement(measure, merged, 0, 1), [("a", true, new Measurement(measure, reference, 0, 1))]);
            if (measure == Measure.Perplexity || double.IsNaN(merged) || double.IsNaN(reference) || reference == merged)
                Assert.Equal(DiagnosticCode.EvaluationFailed, Assert.Single(evaluation.Failures()).Code);
        }
    }

    private static Measurement Base(MergeEvaluation result) => result.Models.Single(model => model.IsBase).Result;

    private IReadOnlyList<MergeEvaluation> Evaluate(params (string File, (string Name, string Value)[] Metadata)[] items) =>
        new MergeEvaluator(_space.Build()).Run(
        EvaluationReader.Read(
            Path.Combine(_models, "eval"),
            [
                .. items.Select(item =>
                    new DeclaredItem(
                        "MergeEvaluation",
                        item.File,
                        item.Metadata.ToDictionary(pair => pair.Name, pair => pair.Value, StringComparer.OrdinalIgnoreCase),
                        _space.ProjectFile))
            ],
            ["m"]),
        _space.LockFile,
        MergeProgress.None,
        default);
}
