using System.Text.Json.Nodes;
using MergeTasks.Language.Diagnostics;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Incremental;

/// <summary>
/// GGUF files are outputs like the weights: made when they are missing or stale, kept otherwise, and removed when nobody wants them.
/// </summary>
public sealed class GgufExports : IDisposable
{
    private readonly MergeWorkspace _project = new();

    public GgufExports()
    {
        foreach (var name in new[] { "base", "code" })
        {
            var source = Path.Combine(RepositoryFolder.Root, "example-project", "models", name);
            var copy = Directory.CreateDirectory(Path.Combine(_project.Folder, "models", name)).FullName;
            foreach (var file in Directory.GetFiles(source))
                File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        }

        Declare("bf16;Q8_0");
    }

    public void Dispose() => _project.Dispose();

    [Fact]
    public void Follow_the_weights()
    {
        _project.RunAll();
        var (plain, small) = (File.ReadAllBytes(Gguf("BF16")), File.ReadAllBytes(Gguf("Q8_0")));
        Assert.Equal("GGUF"u8.ToArray(), plain[..4]);
        Assert.True(small.Length < plain.Length);
        Assert.True(_project.State("m").IsFresh);

        // One that is gone is made again from weights that stay.
        File.Delete(Gguf("Q8_0"));
        var state = _project.State("m");
        Assert.Equal(["m-Q8_0.gguf"], state.StaleExports.Select(export => export.FileName));
        Assert.Empty(state.StaleShards);
        Assert.Contains("m-Q8_0.gguf", Assert.Single(state.Reasons), StringComparison.Ordinal);
        _project.RunAll();
        Assert.Equal(small, File.ReadAllBytes(Gguf("Q8_0")));

        // So is one that somebody edited, and that is told before.
        using (var file = File.OpenWrite(Gguf("BF16")))
        {
            file.Position = plain.Length - 40;
            file.Write([1, 2, 3]);
        }

        Assert.Contains("m-BF16.gguf", _project.State("m").Changed);
        _project.RunAll();
        Assert.Equal(plain, File.ReadAllBytes(Gguf("BF16")));
        Assert.True(_project.State("m").IsFresh);
    }

    [Fact]
    public void Go_when_nobody_wants_them_and_differ_by_no_thread()
    {
        _project.RunAll();
        var small = File.ReadAllBytes(Gguf("Q8_0"));
        Declare("Q8_0");
        _project.RunAll();
        Assert.False(File.Exists(Gguf("BF16")));
        Assert.Equal(small, File.ReadAllBytes(Gguf("Q8_0")));
        File.Delete(Gguf("Q8_0"));
        _project.Threads = 1;
        _project.RunAll();
        Assert.Equal(small, File.ReadAllBytes(Gguf("Q8_0")));
        Declare(null);
        _project.RunAll();
        Assert.Empty(Directory.GetFiles(_project.Output("m"), "*.gguf"));
        Assert.True(_project.State("m").IsFresh);
    }

    [Theory]
    [InlineData("model_type", "falcon", "model_type 'falcon'")]
    [InlineData("hidden_act", "relu", "activation")]
    public void Are_refused_before_anything_is_written(string key, string value, string reason)
    {
        foreach (var name in new[] { "base", "code" })
        {
            var path = Path.Combine(_project.Folder, "models", name, "config.json");
            var config = JsonNode.Parse(File.ReadAllText(path))!;
            config[key] = value;
            File.WriteAllText(path, config.ToJsonString());
        }

        var diagnostic = Assert.Single(Assert.Throws<DiagnosticException>(() => _project.Plan()).Diagnostics);
        Assert.Equal(DiagnosticCode.GgufExport, diagnostic.Code);
        Assert.Contains(reason, diagnostic.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_project.Output("m")));
    }

    [Fact]
    public void Have_kinds_that_are_known()
    {
        Declare("Q3_K");
        var diagnostic = Assert.Single(Assert.Throws<DiagnosticException>(() => _project.Declarations()).Diagnostics);
        Assert.Contains("'Q3_K'", diagnostic.Message, StringComparison.Ordinal);
    }

    private string Gguf(string type) => Path.Combine(_project.Output("m"), $"m-{type}.gguf");

    private void Declare(string? types)
    {
        _project.Clear();
        (string, string)[] export = types is null ? [] : [("Export", "gguf"), ("GgufType", types)];
        _project.Merge("m", [("Method", "linear"), .. export]);
        _project.Source("models/base", ("Into", "m"), ("Weight", "0.5"));
        _project.Source("models/code", ("Into", "m"), ("Weight", "0.5"));
    }
}
