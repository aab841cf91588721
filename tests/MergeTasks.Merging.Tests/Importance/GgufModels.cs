using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Build;
using MergeTasks.Merging.Measuring.Evaluation;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Importance;

/// <summary>A GGUF file is a model like any other: it is scored, run and searched over, with its own configuration and tokenizer.</summary>
public sealed class GgufModels : IDisposable
{
    private readonly MergeWorkspace _space = new();
    private readonly string _models = ExampleModels.Folder;

    public GgufModels()
    {
        foreach (var name in new[] { "base", "kind", "close" })
        {
            _space.Merge(name, ("Method", "passthrough"), ("Base", Path.Combine(_models, name)), ("Export", "gguf"), ("GgufType", "BF16"));
            _space.Source(Path.Combine(_models, name), ("Into", name));
        }

        _space.RunAll();
        File.WriteAllLines(
            Path.Combine(_space.Folder, "texts.jsonl"), File.ReadLines(Path.Combine(_models, "eval", "dictionary.jsonl")).Take(8));
        foreach (var name in new[] { "base", "kind", "close" })
        {
            File.Copy(Path.Combine(_space.Output(name), $"{name}-BF16.gguf"), Path.Combine(_space.Folder, $"{name}.gguf"));
            if (name != "base")
            {
                File.WriteAllLines(
                    Path.Combine(_space.Folder, $"{name}.jsonl"),
                    File.ReadLines(Path.Combine(_models, "data", $"{name}.jsonl")).Take(8));
            }
        }

        _space.Clear();
    }

    public void Dispose() => _space.Dispose();

    [Theory]
    [InlineData("task_arithmetic", "Apl", "layer")]
    [InlineData("task_arithmetic", "Aim", "0.4")]
    [InlineData("regmean")]
    public void Are_scored_and_merged_as_the_models_that_they_were_made_of(string method, string? key = null, string value = "")
    {
        Declare("folders", name => Path.Combine(_models, name), "base");
        Declare("files", name => Path.Combine(_space.Folder, $"{name}.gguf"), "base");
        if (method != "regmean")
            Declare("mixed", name => name == "kind" ? Path.Combine(_space.Folder, "kind.gguf") : Path.Combine(_models, name), "base");
        _space.RunAll();
        var expected = _space.Result("folders");
        foreach (var name in method == "regmean" ? ["files"] : new[] { "files", "mixed" })
        {
            var result = _space.Result(name);
            Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), result.Keys.Order(StringComparer.Ordinal));
            Assert.All(expected, tensor => Assert.Equal(tensor.Value.Bytes, result[tensor.Key].Bytes));
            Assert.Equal(
                _space.State("folders").Plan.Findings.Select(finding => finding.Code),
                _space.State(name).Plan.Findings.Select(finding => finding.Code));
            Assert.True(_space.State(name).IsFresh, string.Join("; ", _space.State(name).Reasons));
        }

        // An output of files alone is a model of its own: it is measured, with the tokenizer that its files gave it.
        if (key != "Apl")
            return;
        var evaluation = Evaluate("folders", "files", "mixed").ToDictionary(result => result.Declaration.Merge);
        Assert.All(evaluation.Values, result => Assert.Equal(evaluation["folders"].Merged, result.Merged));
        Assert.All(evaluation.Values, result =>
            Assert.Equal(evaluation["folders"].Models.Select(model => model.Result), result.Models.Select(model => model.Result)));

        void Declare(string merge, Func<string, string> path, string basis)
        {
            List<(string, string)> metadata =
            [
                ("Method", method), ("Weight", "0.5"), ("Base", path(basis)), ("DType", "bfloat16"), ("SelfCheck", "false"),
                ("MergeFactor", "off"),
            ];
            if (key is not null)
                metadata.Add((key, value));
            if (key == "Aim")
                metadata.AddRange([("Calibration", Path.Combine(_models, "data", "calibration.jsonl")), ("AimSamples", "8")]);
            _space.Merge(merge, [.. metadata]);
            foreach (var name in new[] { "kind", "close" })
                _space.Source(path(name), ("Into", merge), ("TaskData", Path.Combine(_space.Folder, $"{name}.jsonl")));
        }
    }

    [Fact]
    public void Whose_tokenizer_is_not_read_are_merged_and_not_run()
    {
        // A name of the same length, so that nothing moves: behind the key come a type and a length.
        var path = Path.Combine(_space.Folder, "kind.gguf");
        var bytes = File.ReadAllBytes(path);
        var key = "tokenizer.ggml.pre"u8;
        bytes[bytes.AsSpan().IndexOf(key) + key.Length + 12] = (byte)'9';
        File.WriteAllBytes(path, bytes);
        _space.Merge("m", ("Method", "passthrough"));
        _space.Source(path);
        _space.RunAll();
        Assert.Equal(
            TestCheckpoint.Read(Path.Combine(_models, "kind")).Keys.Order(StringComparer.Ordinal),
            _space.Result("m").Keys.Order(StringComparer.Ordinal));
        Assert.True(File.Exists(Path.Combine(_space.Output("m"), "config.json")));
        Assert.Contains(_space.State("m").Plan.Notes, note => note.Contains("pre-tokenizer '9", StringComparison.Ordinal));
        _space.Clear();
        var copy = Path.Combine(_space.Folder, "copy.gguf");
        File.Copy(path, copy);
        _space.Merge("m", ("Method", "passthrough"), ("Base", path), ("Apl", "layer"));
        _space.Source(copy, ("TaskData", Path.Combine(_space.Folder, "kind.jsonl")));
        var fault = Assert.Single(Assert.Throws<DiagnosticException>(() => _space.Plan()).Diagnostics);
        Assert.Equal(DiagnosticCode.NotScorable, fault.Code);
        Assert.Contains("pre-tokenizer '9", fault.Message, StringComparison.Ordinal);
    }

    private IReadOnlyList<MergeEvaluation> Evaluate(params string[] merges) =>
        new MergeEvaluator(_space.Build()).Run(
            EvaluationReader.Read(
                _space.Folder,
                [new DeclaredItem(
                    "MergeEvaluation", "texts.jsonl",
                    new Dictionary<string, string> { ["TokensPerText"] = "32", ["Into"] = string.Join(';', merges) }, _space.ProjectFile)],
                [.. merges]),
            _space.LockFile, MergeProgress.None, default);
}
