using System.Security.Cryptography;
using System.Text.Json;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Build;
using MergeTasks.Merging.Outputs;
using MergeTasks.Sources.Contract;
using MergeTasks.Sources.Locking;
using MergeTasks.TestSupport;
using MergeTasks.TestSupport.Servers;

namespace MergeTasks.Merging.Tests.Provenance;

/// <summary>The statement of provenance beside an output, read as any tool would read it.</summary>
public sealed class Statements : IDisposable
{
    private const string FileName = "merge.provenance.json";

    private readonly MergeWorkspace _workspace = new();

    public Statements()
    {
        foreach (var name in new[] { "a", "b" })
            _workspace.Model(name, ("w", RandomTensors.F32(name[0], 64, 64)));
        _workspace.Source("models/a", ("Weight", "1"));
        _workspace.Source("models/b", ("Weight", "2"));
    }

    public void Dispose() => _workspace.Dispose();

    [Fact]
    public void Names_the_files_with_their_hashes_and_what_they_were_made_from()
    {
        _workspace.Merge("m", ("Method", "linear"));
        _workspace.RunAll();
        using var json = Read();
        Assert.Equal("https://in-toto.io/Statement/v1", json.RootElement.GetProperty("_type").GetString());
        Assert.Equal("https://slsa.dev/provenance/v1", json.RootElement.GetProperty("predicateType").GetString());
        Assert.Equal(["README.md", "config.json", "merge.manifest.json"], Subjects(json).Keys);
        var definition = json.RootElement.GetProperty("predicate").GetProperty("buildDefinition");
        Assert.Contains(
            "merge_method: linear",
            definition.GetProperty("externalParameters").GetProperty("recipe").GetString(),
            StringComparison.Ordinal);
        Assert.Equal(
            ["models/a", "models/b"],
            definition.GetProperty("resolvedDependencies").EnumerateArray().Select(input => input.GetProperty("name").GetString()));
        Assert.True(_workspace.State("m").IsFresh);
    }

    [Fact]
    public void Has_the_weights_too_where_that_is_asked_for()
    {
        _workspace.Merge("m", ("Method", "linear"), ("HashWeights", "true"));
        _workspace.RunAll();
        using var json = Read();
        Assert.Contains("model.safetensors", Subjects(json).Keys);
        Assert.True(_workspace.State("m").IsFresh);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Is_made_again_where_it_is_missing_or_edited(bool missing)
    {
        _workspace.Merge("m", ("Method", "linear"));
        _workspace.RunAll();
        var path = Path.Combine(_workspace.Output("m"), FileName);
        var bytes = File.ReadAllBytes(path);
        if (missing)
            File.Delete(path);
        else
            File.WriteAllText(path, "{}");
        var state = _workspace.State("m");
        Assert.False(state.IsFresh);
        Assert.Equal(0, state.StaleTensorCount);
        _workspace.RunAll();
        Assert.Equal(bytes, File.ReadAllBytes(path));
    }

    [Fact]
    public void Models_from_a_Hub_and_their_adapters_are_named_by_commit_and_hash()
    {
        using var hub = new LoopbackHub();
        var commit = hub.PushFolder("org/a", "main", Path.Combine(_workspace.Folder, "models", "a"));
        Directory.CreateDirectory(Path.Combine(_workspace.Folder, "lora"));
        File.WriteAllText(
            Path.Combine(_workspace.Folder, "lora", "adapter_config.json"),
            """{"peft_type":"LORA","r":1,"lora_alpha":1,"target_modules":["w"]}""");
        TestCheckpoint.WriteFile(Path.Combine(_workspace.Folder, "lora", "adapter_model.safetensors"),
            ("base_model.model.layer.lora_A.weight",
                RandomTensors.F32(1, 1, 64)), ("base_model.model.layer.lora_B.weight", RandomTensors.F32(2, 64, 1)));
        var adapter = hub.PushFolder("org/lora", "v1", Path.Combine(_workspace.Folder, "lora"));
        TestCheckpoint.Write(Path.Combine(_workspace.Folder, "models", "c"), ("layer.weight", RandomTensors.F32(3, 64, 64)));
        var other = hub.PushFolder("org/c", "main", Path.Combine(_workspace.Folder, "models", "c"));
        _workspace.Clear();
        _workspace.Merge("m", ("Method", "linear"));
        _workspace.Source("hf:org/c", ("Weight", "1"));
        _workspace.Source("org/c", ("Adapter", "hf:org/lora@v1"), ("Weight", "1"));
        Assert.NotEqual(commit, other);
        var options = new RestoreOptions
        {
            ProjectFolder = _workspace.Folder,
            LockPath = Path.Combine(_workspace.Folder, LockFile.FileName),
            CacheFolder = _workspace.Cache,
            Environment =
                name => name switch { "HF_ENDPOINT" => hub.Endpoint, "HF_HOME" => Path.Combine(_workspace.Folder, "hf"), _ => null },
        };
        var declared = _workspace.Declarations();
        var bound = ModelRestore.Bind(declared, ModelRestore.Run(declared, options, RestoreProgress.None, default));
        new MergeBuild(bound, _workspace.Cache, 2).Run("m", _workspace.LockFile("m"), MergeProgress.None, default);

        using var json = Read();
        var inputs = json.RootElement
            .GetProperty("predicate")
            .GetProperty("buildDefinition")
            .GetProperty("resolvedDependencies")
            .EnumerateArray()
            .ToList();
        Assert.Equal(
            [$"pkg:huggingface/org/c@{other}", $"pkg:huggingface/org/c@{other}", $"pkg:huggingface/org/lora@{adapter}"],
            inputs.Select(input => input.GetProperty("uri").GetString()));
        Assert.Equal(other, inputs[0].GetProperty("digest").GetProperty("gitCommit").GetString());
        Assert.Equal(
            Hash(Path.Combine(_workspace.Folder, "models", "c", "model.safetensors")),
            inputs[0].GetProperty("annotations").GetProperty("files").GetProperty("model.safetensors").GetString());
        var manifest = MergeManifest.Read(_workspace.Output("m"))!;
        Assert.Equal(["hf:org/c@main", "hf:org/c@main"], manifest.Inputs.Select(input => input.Source!.Reference));
        Assert.Equal(adapter, manifest.Inputs[1].Adapter!.Resolved);
        var card = File.ReadAllText(Path.Combine(_workspace.Output("m"), "README.md"));
        Assert.Contains("base_model:\n- org/c\nbase_model_relation: merge\n", card, StringComparison.Ordinal);

        // What other tools add to the snapshot is none of the model's.
        File.WriteAllText(Path.Combine(bound[0].Models[0].Folder!, "added_by_somebody.json"), "{}");
        Assert.True(Assert.Single(new MergeBuild(bound, _workspace.Cache, 2).Plan(default)).IsFresh);

        // Changed after restoring has compared them with the lock: what would be made now was not made from what the statement names.
        foreach (var file in new[]
        {
            Path.Combine(bound[0].Models[1].Adapter!.Folder, "adapter_model.safetensors"),
            Path.Combine(bound[0].Models[0].Folder!, "model.safetensors")
        })
        {
            var weights = File.ReadAllBytes(file);
            weights[^1] ^= 1;
            File.WriteAllBytes(file, weights);
            var refused = Assert.Throws<DiagnosticException>(() =>
                new MergeBuild(bound, _workspace.Cache, 2).Run("m", _workspace.LockFile("m"), MergeProgress.None, default));
            Assert.Equal("MTK3047", Assert.Single(refused.Diagnostics).Code);
            weights[^1] ^= 1;
            File.WriteAllBytes(file, weights);
        }
    }

    [Fact]
    public void Weights_that_another_tool_adds_to_a_snapshot_are_not_taken_for_the_models()
    {
        using var hub = new LoopbackHub();
        const string shard = "model-00001-of-00001.safetensors";
        var weights = File.ReadAllBytes(Path.Combine(_workspace.Folder, "models", "a", "model.safetensors"));
        hub.Push(
            "org/a",
            "main",
            [
                ("config.json", "{\"model_type\":\"llama\"}"u8.ToArray()),
                (shard, weights),
                ("model.safetensors.index.json", System.Text.Encoding.UTF8.GetBytes("{\"weight_map\":{\"w\":\"" + shard + "\"}}"))
            ]);
        _workspace.Clear();
        _workspace.Merge("m", ("Method", "linear"));
        _workspace.Source("hf:org/a", ("Weight", "1"));
        _workspace.Source("models/b", ("Weight", "1"));
        var options = new RestoreOptions
        {
            ProjectFolder = _workspace.Folder,
            LockPath = Path.Combine(_workspace.Folder, LockFile.FileName),
            CacheFolder = _workspace.Cache,
            Environment =
                name => name switch { "HF_ENDPOINT" => hub.Endpoint, "HF_HOME" => Path.Combine(_workspace.Folder, "hf"), _ => null },
        };
        var declared = _workspace.Declarations();
        var bound = ModelRestore.Bind(declared, ModelRestore.Run(declared, options, RestoreProgress.None, default));
        new MergeBuild(bound, _workspace.Cache, 2).Validate(default);
        File.Copy(
            Path.Combine(_workspace.Folder, "models", "b", "model.safetensors"),
            Path.Combine(bound[0].Models[0].Folder!, "model.safetensors"));
        var refused = Assert.Throws<DiagnosticException>(() => new MergeBuild(bound, _workspace.Cache, 2).Validate(default));
        Assert.Equal("MTK3047", Assert.Single(refused.Diagnostics).Code);
    }

    private JsonDocument Read() => JsonDocument.Parse(File.ReadAllBytes(Path.Combine(_workspace.Output("m"), FileName)));

    private Dictionary<string, string> Subjects(JsonDocument json)
    {
        var subjects = json.RootElement.GetProperty("subject").EnumerateArray()
            .ToDictionary(
                subject => subject.GetProperty("name").GetString()!,
                subject => subject.GetProperty("digest").GetProperty("sha256").GetString()!);
        Assert.All(subjects, subject => Assert.Equal(Hash(Path.Combine(_workspace.Output("m"), subject.Key)), subject.Value));
        return subjects;
    }

    private static string Hash(string path) => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)));
}
