using MergeTasks.Caching;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Outputs;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Incremental;

public sealed class ChangedInputs : IDisposable
{
    private readonly SmallProject _project = new();

    public void Dispose() => _project.Dispose();

    [Fact]
    public void Nothing_changed_reads_nothing_and_rewrites_nothing()
    {
        _project.Build();
        string[] names = ["first", "second", "third"];
        var before = names.Select(name => FolderContent.StampsOf(_project.Space.Output(name))).ToList();
        Assert.All(_project.Space.Plan(), state => Assert.True(state.IsFresh, string.Join("; ", state.Reasons)));
        _project.Space.RunAll();
        Assert.Equal(before, names.Select(name => FolderContent.StampsOf(_project.Space.Output(name))));
        Assert.Empty(_project.Space.Digested);
    }

    [Fact]
    public void Reading_an_input_again_because_it_was_touched_is_all_that_a_touch_costs()
    {
        _project.Build();
        File.SetLastWriteTimeUtc(_project.ModelFile("a"), DateTime.UtcNow);
        FileStamp.Of(_project.ModelFile("a"))!.Value.Settle();
        var before = FolderContent.StampsOf(_project.Space.Output("first"));
        Assert.All(_project.Space.Plan(), state => Assert.True(state.IsFresh));
        Assert.Equal([_project.ModelFile("a")], _project.Space.Digested);
        _project.Space.RunAll();
        Assert.Equal(before, FolderContent.StampsOf(_project.Space.Output("first")));
        Assert.Single(_project.Space.Digested);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(1, 2, 4)]
    public void Exactly_the_tensors_that_read_a_changed_one_are_computed(params int[] changed)
    {
        _project.Build();
        var before = _project.Space.Result("first");
        _project.ChangeTensors("a", changed);
        Assert.Equal(changed.Length, _project.Space.State("first").StaleTensorCount);
        Assert.Equal(0, _project.Space.State("second").StaleTensorCount);
        Assert.Equal(changed.Length, _project.Space.State("third").StaleTensorCount);
        Assert.Contains("'models/a' changed", _project.Space.State("first").Reasons);
        _project.Build();
        var after = _project.Space.Result("first");
        for (var i = 0; i < SmallProject.Tensors.Length; i++)
            Assert.Equal(!changed.Contains(i), before[SmallProject.Tensors[i]].Bytes.SequenceEqual(after[SmallProject.Tensors[i]].Bytes));
        Assert.Equal(_project.Clean(), _project.Outputs());
    }

    [Fact]
    public void Shards_without_a_stale_tensor_stay_the_files_they_are()
    {
        using var project = new SmallProject("8KB");
        project.Build();
        var before = FolderContent.StampsOf(project.Space.Output("first"));
        project.ChangeTensors("a", 3);
        project.Build();
        var after = FolderContent.StampsOf(project.Space.Output("first"));
        var shards = before.Keys.Where(name => name.EndsWith(".safetensors", StringComparison.Ordinal)).Order().ToList();
        Assert.Equal(3, shards.Count);
        var rewritten = shards.Where(name => before[name] != after[name]).ToList();
        var holder = shards.Single(name =>
            TestCheckpoint.ReadFile(Path.Combine(project.Space.Output("first"), name)).ContainsKey(SmallProject.Tensors[3]));
        Assert.Equal([holder], rewritten);
        Assert.Equal(before["tokenizer.json"], after["tokenizer.json"]);
        Assert.Equal(project.Clean(), project.Outputs());
    }

    [Fact]
    public void Another_weight_makes_that_merge_stale_and_those_built_on_it()
    {
        _project.Build();
        _project.Weight = "0.75";
        _project.Declare();
        Assert.Equal(5, _project.Space.State("first").StaleTensorCount);
        Assert.True(_project.Space.State("second").IsFresh);
        Assert.Equal(5, _project.Space.State("third").StaleTensorCount);
        Assert.Contains(
            _project.Space.State("first").Reasons, reason => reason.Contains("weight: 0.5 → weight: 0.75", StringComparison.Ordinal));
        _project.Build();
        Assert.Equal(_project.Clean(), _project.Outputs());
    }

    [Fact]
    public void A_changed_tokenizer_is_copied_and_no_tensor_is_computed()
    {
        _project.Build();
        File.WriteAllText(_project.ModelFile("base", "tokenizer.json"), "{\"changed\": true}");
        var state = _project.Space.State("first");
        Assert.Equal(0, state.StaleTensorCount);
        Assert.False(state.IsFresh);
        _project.Build();
        Assert.Equal("{\"changed\": true}", File.ReadAllText(Path.Combine(_project.Space.Output("first"), "tokenizer.json")));
        Assert.Equal("{\"changed\": true}", File.ReadAllText(Path.Combine(_project.Space.Output("third"), "tokenizer.json")));
        Assert.Equal(_project.Clean(), _project.Outputs());
    }

    [Fact]
    public void A_side_file_that_the_donor_no_longer_has_is_removed()
    {
        _project.Build();
        File.Delete(_project.ModelFile("base", "tokenizer.json"));
        Assert.False(_project.Space.State("first").IsFresh);
        _project.Build();
        Assert.False(File.Exists(Path.Combine(_project.Space.Output("first"), "tokenizer.json")));
        Assert.Equal(_project.Clean(), _project.Outputs());
    }

    [Fact]
    public void An_edit_whose_time_is_put_back_is_noticed_on_Linux()
    {
        if (!OperatingSystem.IsLinux())
            return; // Elsewhere nothing but the time of modification tells.
        _project.Build();
        var time = File.GetLastWriteTimeUtc(_project.ModelFile("a"));
        _project.ChangeTensors("a", 2);
        File.SetLastWriteTimeUtc(_project.ModelFile("a"), time);
        Assert.Equal(1, _project.Space.State("first").StaleTensorCount);
    }

    [Fact]
    public void Inputs_whose_time_lies_in_the_future_are_not_read_by_every_build_on_Linux()
    {
        if (!OperatingSystem.IsLinux())
            return;
        File.SetLastWriteTimeUtc(_project.ModelFile("a"), DateTime.UtcNow.AddDays(2));
        _project.Build();
        _project.Space.Plan();
        Assert.Empty(_project.Space.Digested);
    }

    [Fact]
    public void Changes_that_follow_each_other_as_fast_as_the_clock_ticks_are_all_noticed()
    {
        _project.Build();
        for (var i = 0; i < 20; i++)
        {
            _project.ChangeTensors("a", i % 5);
            _project.Space.Run("first");
            var second = _project.Space.Result("first")[SmallProject.Tensors[i % 5]];
            _project.Space.Run("first");
            Assert.Equal(second.Bytes, _project.Space.Result("first")[SmallProject.Tensors[i % 5]].Bytes);
        }

        _project.Build();
        Assert.Equal(_project.Clean(), _project.Outputs());
    }

    [Fact]
    public void A_cache_folder_that_cannot_be_made_costs_hashing_and_nothing_else()
    {
        File.WriteAllText(_project.Space.Cache, "a file in the folder's place");
        _project.Space.RunAll();
        Assert.All(_project.Space.Plan(), state => Assert.True(state.IsFresh));
        Assert.Contains(_project.ModelFile("a"), _project.Space.Digested);
        Assert.NotEmpty(_project.Space.CacheWarnings);
    }

    [Fact]
    public void A_damaged_memo_costs_hashing_and_nothing_else()
    {
        _project.Build();
        foreach (var entry in Directory.EnumerateFiles(_project.Space.Cache, "*.txt", SearchOption.AllDirectories))
            File.WriteAllText(entry, "mergetasks digests 1\n");
        Assert.All(_project.Space.Plan(), state => Assert.True(state.IsFresh));
        Assert.NotEmpty(_project.Space.Digested);
    }

    [Fact]
    public void A_merge_of_a_merge_refuses_an_upstream_output_that_is_not_made_yet_or_not_any_more()
    {
        var missing = Assert.Throws<DiagnosticException>(() => _project.Space.Run("third"));
        Assert.Equal(DiagnosticCode.UnreadableInput, Assert.Single(missing.Diagnostics).Code);
        _project.Build();
        _project.Weight = "0.75";
        _project.Declare();
        var stale = Assert.Throws<DiagnosticException>(() => _project.Space.Run("third"));
        Assert.Contains("Run 'first' first", Assert.Single(stale.Diagnostics).Message, StringComparison.Ordinal);
        _project.Build();
        Assert.Equal(_project.Clean(), _project.Outputs());
    }
}
