using MergeTasks.Sources.Contract;
using MergeTasks.Sources.Locking;
using MergeTasks.TestSupport.Servers;

namespace MergeTasks.Sources.Tests;

/// <summary>Models of a Hub that answers as it should.</summary>
public sealed class HubRestores : IDisposable
{
    private readonly SourcesProject _project = new();

    public void Dispose() => _project.Dispose();

    [Fact]
    public void A_branch_is_fetched_pinned_and_laid_out_as_other_tools_expect()
    {
        var files = SourcesProject.Files();
        var commit = _project.Hub.Push("org/model", "main", files);
        var restored = _project.Restore("hf:org/model");
        Assert.Equal("hf:org/model@main", restored.Key);
        Assert.Equal(commit, restored.Locked.Resolved);

        // The layout of huggingface.co/docs/hub/local-cache.
        var folder = Path.Combine(_project.HubFolder, "models--org--model");
        Assert.Equal(Path.Combine(folder, "snapshots", commit), restored.Folder);
        Assert.Equal(commit, File.ReadAllText(Path.Combine(folder, "refs", "main")));
        var weights = files.Single(file => file.Name == "model.safetensors").Content;
        Assert.Equal(
            $"../../blobs/{LoopbackHub.Sha256(weights)}", new FileInfo(Path.Combine(restored.Folder, "model.safetensors")).LinkTarget);
        Assert.Equal(weights, File.ReadAllBytes(Path.Combine(restored.Folder, "model.safetensors")));
        var config = files.Single(file => file.Name == "config.json").Content;
        Assert.Equal($"../../blobs/{LoopbackHub.GitName(config)}", new FileInfo(Path.Combine(restored.Folder, "config.json")).LinkTarget);

        // Only what a merge needs; never pickles.
        Assert.Equal(["README.md", "config.json", "model.safetensors", "tokenizer.json"], Names(restored.Folder));
        Assert.Equal(Names(restored.Folder), restored.Locked.Files.Keys);
        Assert.All(
            restored.Locked.Files,
            file => Assert.Equal(LoopbackHub.Sha256(File.ReadAllBytes(Path.Combine(restored.Folder, file.Key))), file.Value.Sha256));
        Assert.Equal(_project.Progress.Announced, _project.Progress.Bytes);
        Assert.Empty(Directory.GetFiles(Path.Combine(folder, "blobs"), "*.incomplete"));
    }

    [Fact]
    public void Folders_that_loaders_look_into_and_code_are_fetched_and_locked_and_no_others()
    {
        var commit = _project.Hub.Push("org/model", "main", [.. SourcesProject.Files(),
            ("modules.json", "[]"u8.ToArray()), ("1_Pooling/config.json", "{}"u8.ToArray()), ("2_Dense/config.json", "{ }"u8.ToArray()),
            ("2_Dense/model.safetensors", SourcesProject.Bytes(7, 300)), ("2_Dense/pytorch_model.bin", SourcesProject.Bytes(8, 300)),
            ("additional_chat_templates/tool_use.jinja", "{{ x }}"u8.ToArray()), ("onnx/config.json", "{}"u8.ToArray()),
            ("modeling_x.py", "import torch"u8.ToArray())]);
        var restored = _project.Restore("hf:org/model");
        string[] expected = ["1_Pooling/config.json", "2_Dense/config.json", "2_Dense/model.safetensors", "README.md",
            "additional_chat_templates/tool_use.jinja", "config.json", "model.safetensors", "modeling_x.py", "modules.json",
            "tokenizer.json"];
        Assert.Equal(expected, restored.Locked.Files.Keys);
        Assert.Equal("{ }", File.ReadAllText(Path.Combine(restored.Folder, "2_Dense", "config.json")));
        Assert.StartsWith("../../../blobs/", new FileInfo(Path.Combine(restored.Folder, "1_Pooling", "config.json")).LinkTarget!);

        // The lock, and what is there already, bring the same again.
        _project.Hub.Forget();
        Assert.Equal(expected, _project.Restore("hf:org/model").Locked.Files.Keys);
        Assert.Empty(_project.Hub.Requests);
        File.Delete(_project.LockPath);
        Assert.Equal(expected, _project.Restore($"hf:org/model@{commit}").Locked.Files.Keys);
        Directory.Delete(_project.HubFolder, recursive: true);
        Assert.Equal(expected, _project.Restore($"hf:org/model@{commit}").Locked.Files.Keys);
        Assert.True(File.Exists(Path.Combine(restored.Folder, "2_Dense", "model.safetensors")));
    }

    [Fact]
    public void What_is_locked_and_there_costs_no_request()
    {
        _project.Hub.Push("org/model", "main", SourcesProject.Files());
        var first = _project.Restore("hf:org/model@main");
        _project.Hub.Forget();
        Assert.Equal(first.Folder, _project.Restore("org/model").Folder);
        Assert.Empty(_project.Hub.Requests);
        Assert.Empty(_project.Hub.Downloads);
    }

    [Fact]
    public void A_branch_that_moves_is_followed_only_when_asked_to()
    {
        var first = _project.Hub.Push("org/model", "main", SourcesProject.Files(1));
        _project.Restore("hf:org/model");
        var second = _project.Hub.Push("org/model", "main", SourcesProject.Files(2));
        Assert.Equal(first, _project.Restore("hf:org/model").Locked.Resolved);
        Assert.Equal(second, _project.Restore("hf:org/model", options => options with { Update = true }).Locked.Resolved);
        Assert.Equal(second, SourceSchemes.ReadLock(_project.LockPath)["hf:org/model@main"].Resolved);
    }

    [Fact]
    public void A_lock_file_brings_the_same_commit_to_another_machine()
    {
        var first = _project.Hub.Push("org/model", "main", SourcesProject.Files(1));
        _project.Restore("hf:org/model");
        _project.Hub.Push("org/model", "main", SourcesProject.Files(2));
        Directory.Delete(_project.HubFolder, recursive: true);
        var restored = _project.Restore("hf:org/model", options => options with { LockedMode = true });
        Assert.Equal(first, restored.Locked.Resolved);
        Assert.Equal(["README.md", "config.json", "model.safetensors", "tokenizer.json"], Names(restored.Folder));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_model_that_another_tool_has_fetched_is_used_as_it_is(bool sharesContents)
    {
        // As huggingface_hub leaves a model of which only these files were asked for.
        var commit = _project.Hub.Push("org/model", "main", SourcesProject.Files());
        var folder = Path.Combine(_project.HubFolder, "models--org--model");
        foreach (var (name, content) in SourcesProject.Files()
            .Where(file => file.Name is "config.json" or "model.safetensors" or "tokenizer.json"))
        {
            var blob = name.EndsWith(".safetensors", StringComparison.Ordinal) ? LoopbackHub.Sha256(content) : LoopbackHub.GitName(content);
            Directory.CreateDirectory(Path.Combine(folder, "blobs"));
            Directory.CreateDirectory(Path.Combine(folder, "snapshots", commit));
            if (sharesContents)
            {
                // The content lies in a store beside all repositories, under a name of its own.
                var store = Directory.CreateDirectory(Path.Combine(Path.GetDirectoryName(folder)!, "blobs", blob[..2])).FullName;
                File.WriteAllBytes(Path.Combine(store, new string([.. blob.Reverse()])), content);
                File.CreateSymbolicLink(Path.Combine(folder, "blobs", blob), $"../../blobs/{blob[..2]}/{new string([.. blob.Reverse()])}");
            }
            else
            {
                File.WriteAllBytes(Path.Combine(folder, "blobs", blob), content);
            }

            File.CreateSymbolicLink(Path.Combine(folder, "snapshots", commit, name), $"../../blobs/{blob}");
        }

        // By its commit: without asking anybody.
        Assert.Equal(commit, _project.Restore($"hf:org/model@{commit}").Locked.Resolved);
        Assert.Empty(_project.Hub.Requests);

        // By its branch: only what is missing.
        File.Delete(_project.LockPath);
        _project.Restore("hf:org/model");
        Assert.Empty(_project.Hub.Downloads);
        Assert.Equal(
            ["/org/model/resolve/" + commit + "/README.md"],
            _project.Hub.Requests.Where(request => request.Path.Contains("/resolve/")).Select(request => request.Path));
    }

    [Fact]
    public void A_cache_of_copies_is_read_too()
    {
        // Where a system has no symbolic links, snapshots hold the files themselves.
        var commit = _project.Hub.Push("org/model", "main", SourcesProject.Files());
        var snapshot = Path.Combine(_project.HubFolder, "models--org--model", "snapshots", commit);
        Directory.CreateDirectory(snapshot);
        foreach (var (name, content) in SourcesProject.Files())
            File.WriteAllBytes(Path.Combine(snapshot, name), content);
        var restored = _project.Restore("hf:org/model");
        Assert.Empty(_project.Hub.Downloads);
        Assert.Equal(["README.md", "config.json", "model.safetensors", "tokenizer.json"], restored.Locked.Files.Keys);
    }

    [Fact]
    public void Shards_are_those_that_the_index_names()
    {
        var shards = new[] { "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors" };
        _project.Hub.Push("org/big", "main",
        [
            ("config.json", "{}"u8.ToArray()),
            ("model.safetensors.index.json",
                System.Text.Encoding.UTF8.GetBytes($$"""{"weight_map":{"a":"{{shards[0]}}","b":"{{shards[1]}}"} }""")),
            (shards[0], SourcesProject.Bytes(1, 5000)),
            (shards[1], SourcesProject.Bytes(2, 6000)),
            ("consolidated.safetensors", SourcesProject.Bytes(3, 7000)),
        ]);
        Assert.Equal(
            ["config.json", shards[0], shards[1], "model.safetensors.index.json"], _project.Restore("hf:org/big").Locked.Files.Keys);
    }

    [Fact]
    public void A_listing_of_several_pages()
    {
        _project.Hub.PageSize = 2;
        _project.Hub.Push("org/model", "main", SourcesProject.Files());
        Assert.Equal(4, _project.Restore("hf:org/model").Locked.Files.Count);
        Assert.Equal(4, _project.Hub.Requests.Count(request => request.Path.Contains("/tree/")));
    }

    [Theory]
    [InlineData("v1.0")]
    [InlineData("refs/pr/7")]
    public void Tags_and_pull_requests(string revision)
    {
        var commit = _project.Hub.Push("org/model", revision, SourcesProject.Files());
        Assert.Equal(commit, _project.Restore($"org/model@{revision}").Locked.Resolved);
        Assert.Equal(commit, File.ReadAllText(Path.Combine([_project.HubFolder, "models--org--model", "refs", .. revision.Split('/')])));
    }

    [Fact]
    public void Two_restores_at_once_fetch_each_file_once()
    {
        _project.Hub.Push("org/model", "main", SourcesProject.Files(1, 2_000_000));
        _project.Hub.StorageFault = (_, answer) => answer with { Pause = TimeSpan.FromMilliseconds(5) };
        Parallel.For(0, 2, _ => _project.Restore("hf:org/model"));
        Assert.Single(_project.Hub.Downloads);
    }

    private static IEnumerable<string> Names(string folder) =>
        Directory.GetFiles(folder).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal);
}
