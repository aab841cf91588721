using System.Text;
using MergeTasks.Caching;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Outputs;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Incremental;

public sealed class ChangedOutputs : IDisposable
{
    private static readonly string[] Files =
    [
        "README.md",
        "config.json",
        "merge.manifest.json",
        "merge.provenance.json",
        "model-00001-of-00003.safetensors",
        "model-00002-of-00003.safetensors",
        "model-00003-of-00003.safetensors", "model.safetensors.index.json", "tokenizer.json",
    ];

    private readonly SmallProject _project = new("8KB");

    public static TheoryData<string, string> Damages
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var file in Files)
            {
                foreach (var damage in new[] { "edit first byte", "edit last byte", "truncate", "empty", "append", "delete" })
                    data.Add(file, damage);
            }

            return data;
        }
    }

    public void Dispose() => _project.Dispose();

    [Theory]
    [MemberData(nameof(Damages))]
    public void A_damaged_output_file_is_rebuilt_to_the_same_bytes(string file, string damage)
    {
        _project.Build();
        var before = _project.Outputs();
        Assert.Equal(Files, FolderContent.Of(_project.Space.Output("first")).Keys);
        var path = Path.Combine(_project.Space.Output("first"), file);
        var time = File.GetLastWriteTimeUtc(path);
        var bytes = File.ReadAllBytes(path);
        switch (damage)
        {
            case "delete":
                File.Delete(path);
                break;
            case "truncate":
                File.WriteAllBytes(path, bytes[..(bytes.Length / 2)]);
                break;
            case "empty":
                File.WriteAllBytes(path, []);
                break;
            case "append":
                File.AppendAllText(path, " ");
                break;
            default:
                bytes[damage == "edit first byte" ? 0 : ^1] ^= 1;
                File.WriteAllBytes(path, bytes);
                if (OperatingSystem.IsLinux())
                    File.SetLastWriteTimeUtc(path, time);
                break;
        }

        var state = _project.Space.State("first");
        Assert.False(state.IsFresh);
        Assert.NotEmpty(state.Reasons);
        _project.Build();
        Assert.Equal(before, _project.Outputs());
        Assert.All(_project.Space.Plan(), plan => Assert.True(plan.IsFresh));
    }

    [Theory]
    [InlineData("merge.manifest.json")]
    [InlineData("merge.provenance.json")]
    public void A_record_that_has_grown_large_is_made_again_without_being_read(string file)
    {
        const long Size = 300_000_000;
        _project.Build();
        var before = _project.Outputs();
        using (var grown = File.Open(Path.Combine(_project.Space.Output("first"), file), FileMode.Open))
            grown.SetLength(Size);
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        Assert.False(_project.Space.State("first").IsFresh);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - allocated, 0, Size / 3);
        _project.Build();
        Assert.Equal(before, _project.Outputs());
    }

    [Fact]
    public void An_edited_tensor_alone_is_computed_again()
    {
        _project.Build();
        var path = Path.Combine(_project.Space.Output("first"), "model-00001-of-00003.safetensors");
        var bytes = File.ReadAllBytes(path);
        bytes[^1] ^= 1;
        File.WriteAllBytes(path, bytes);
        var state = _project.Space.State("first");
        Assert.Equal(1, state.StaleTensorCount);
        Assert.Single(state.StaleShards);
    }

    [Fact]
    public void A_shard_named_otherwise_by_hand_is_no_output_any_more_and_in_the_way()
    {
        _project.Build();
        var before = _project.Outputs();
        var folder = _project.Space.Output("first");
        var strange = Path.Combine(folder, "model-00004-of-00004.safetensors");
        File.Move(Path.Combine(folder, "model-00003-of-00003.safetensors"), strange);
        var refused = Assert.Single(Assert.Throws<DiagnosticException>(() => _project.Space.Run("first")).Diagnostics);
        Assert.Equal(DiagnosticCode.ForeignOutput, refused.Code);
        Assert.Contains(strange, refused.Message, StringComparison.Ordinal);
        File.Delete(strange);
        _project.Build();
        Assert.Equal(before, _project.Outputs());
    }

    [Theory]
    [InlineData("0", "8KB")]
    [InlineData("8KB", "0")]
    [InlineData("8KB", "4KB")]
    public void Another_shard_size_moves_tensors_without_computing_any_and_leaves_no_old_shard(string before, string after)
    {
        _project.ShardSize = before;
        _project.Declare();
        _project.Build();
        _project.ShardSize = after;
        _project.Declare();
        Assert.Equal(0, _project.Space.State("first").StaleTensorCount);
        Assert.NotEmpty(_project.Space.State("first").StaleShards);
        _project.Build();
        Assert.Equal(_project.Clean(), _project.Outputs());
    }

    [Fact]
    public void A_manifest_with_flipped_bytes_is_never_believed_and_never_breaks_a_build()
    {
        _project.Build();
        var before = FolderContent.Of(_project.Space.Output("first"));
        var path = Path.Combine(_project.Space.Output("first"), MergedFiles.Manifest);
        var bytes = File.ReadAllBytes(path);
        var random = new Random(11);
        for (var i = 0; i < 60; i++)
        {
            var damaged = bytes.ToArray();
            for (var flips = random.Next(1, 4); flips > 0; flips--)
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            if (damaged.AsSpan().SequenceEqual(bytes))
                continue;
            File.WriteAllBytes(path, damaged);
            _project.Space.Run("first");
            Assert.Equal(before, FolderContent.Of(_project.Space.Output("first")));
        }
    }

    [Theory]
    [InlineData("\"tensors\": {", "\"tensors\": {\"x\": null, ")]
    [InlineData("\"tensors\": {", "\"tensors\": {\"x\": {\"file\": null, \"key\": \"\", \"checksum\": \"\"}, ")]
    [InlineData(
        "\"tensors\": {", "\"tensors\": {\"x\": {\"file\": \"../../models/a/model.safetensors\", \"key\": \"\", \"checksum\": \"\"}, ")]
    [InlineData("\"tensors\": {", "\"tensors\": {\"x\": {\"file\": \"a\\u0000b\", \"key\": \"\", \"checksum\": \"\"}, ")]
    [InlineData("\"files\": {", "\"files\": {\"../../models/a/tokenizer.json\": \"\", ")]
    [InlineData("\"files\": {", "\"files\": {\"..\": null, ")]
    [InlineData("\"inputs\": [", "\"inputs\": [null, ")]
    [InlineData("\"settings\": {", "\"settings\": null, \"x\": {")]
    public void A_manifest_with_strange_entries_is_made_again_and_nothing_outside_the_folder_is_touched(string at, string insert)
    {
        _project.Build();
        var before = _project.Outputs();
        var path = Path.Combine(_project.Space.Output("first"), MergedFiles.Manifest);
        var text = File.ReadAllText(path);
        Assert.Contains(at, text, StringComparison.Ordinal);
        File.WriteAllText(path, text.Replace(at, insert, StringComparison.Ordinal));
        _project.Build();
        Assert.Equal(before, _project.Outputs());
        Assert.True(File.Exists(_project.ModelFile("a")) && File.Exists(_project.ModelFile("a", "tokenizer.json")));
    }

    [Fact]
    public void A_manifest_of_another_version_is_named_and_made_again()
    {
        _project.Build();
        var before = _project.Outputs();
        var path = Path.Combine(_project.Space.Output("first"), MergedFiles.Manifest);
        foreach (var (text, told) in new[]
        {
            ("{\"format\": 1, \"tensors\": []}", "has format 1, and this version knows format 2"),
            ("{\"format\": 3}", "has format 3"),
            ("{}", "is damaged"),
            ("[", "is damaged")
        })
        {
            File.WriteAllText(path, text);
            Assert.Contains(told, Assert.Single(_project.Space.State("first").Reasons), StringComparison.Ordinal);
            _project.Build();
            Assert.Equal(before, _project.Outputs());
        }
    }

    [Fact]
    public void A_shard_index_longer_than_a_digest_chunk_does_not_make_an_output_stale_for_ever()
    {
        using var space = new MergeWorkspace();
        var filler = new string('x', 200);
        space.Model("wide", [.. Enumerable.Range(0, 6000).Select(i => ($"{filler}.{i}", RawTensor.F32([1], i)))]);
        space.Merge("m", ("Method", "passthrough"), ("MaxShardSize", "20KB"));
        space.Source("models/wide");
        space.Run("m");
        Assert.True(new FileInfo(Path.Combine(space.Output("m"), "model.safetensors.index.json")).Length > TreeDigest.ChunkSize);
        var state = space.State("m");
        Assert.True(state.IsFresh, string.Join("; ", state.Reasons));
    }

    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("model-00001-of-00002.safetensors")]
    [InlineData("config.json")]
    [InlineData("README.md")]
    public void Files_that_no_merge_made_are_not_written_over(string file)
    {
        Directory.CreateDirectory(_project.Space.Output("first"));
        var path = Path.Combine(_project.Space.Output("first"), file);
        File.WriteAllText(path, "mine");
        foreach (var act in new Action[]
        {
            () => _project.Space.Build().Validate(default), () => _project.Space.Plan(), () => _project.Space.Run("first")
        })
        {
            var diagnostic = Assert.Single(Assert.Throws<DiagnosticException>(act).Diagnostics);
            Assert.Equal(DiagnosticCode.ForeignOutput, diagnostic.Code);
            Assert.Contains(path, diagnostic.Message, StringComparison.Ordinal);
        }

        Assert.Equal([file], FolderContent.Of(_project.Space.Output("first")).Keys);
        Assert.Equal("mine", File.ReadAllText(path, Encoding.UTF8));
    }

    [Fact]
    public void Files_of_the_user_that_the_output_does_not_name_stay()
    {
        _project.Build();
        var path = Path.Combine(_project.Space.Output("first"), "notes.txt");
        File.WriteAllText(path, "mine");
        Assert.True(_project.Space.State("first").IsFresh);
        _project.ChangeTensors("a", 0);
        _project.Build();
        Assert.Equal("mine", File.ReadAllText(path));
    }
}
