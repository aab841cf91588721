using MergeTasks.Merging.Inputs;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Ownership;

/// <summary>Files of an output that somebody changed or added.</summary>
public sealed class ChangedFiles : OwnedOutput
{
    [Fact]
    public void A_name_that_only_the_manifest_has_is_no_leftover()
    {
        Project.Build();
        var notes = Path.Combine(Output, "NOTICE.txt");
        File.WriteAllText(notes, "mine");
        var manifest = Path.Combine(Output, MergedFiles.Manifest);
        File.WriteAllText(
            manifest, File.ReadAllText(manifest).Replace("\"files\": {", "\"files\": {\"NOTICE.txt\": \"\", ", StringComparison.Ordinal));
        Project.Build();
        Assert.Equal("mine", File.ReadAllText(notes));

        // And what the output comes to need is not written over it.
        File.WriteAllText(Project.ModelFile("base", "NOTICE.txt"), "the base's");
        Assert.Contains(notes, Refused(), StringComparison.Ordinal);
        Assert.Equal("mine", File.ReadAllText(notes));
    }

    [Fact]
    public void A_leftover_goes_as_it_was_written_and_stays_if_it_was_changed()
    {
        File.WriteAllText(Project.ModelFile("base", "one_config.json"), "{}");
        File.WriteAllText(Project.ModelFile("base", "two_config.json"), "{}");
        Project.Build();
        File.WriteAllText(Path.Combine(Output, "two_config.json"), "{\"edited\": 1}");
        File.Delete(Project.ModelFile("base", "one_config.json"));
        File.Delete(Project.ModelFile("base", "two_config.json"));
        Assert.Equal(["two_config.json"], Space.State("first").Left);
        Project.Build();
        Assert.False(File.Exists(Path.Combine(Output, "one_config.json")));
        Assert.Equal("{\"edited\": 1}", File.ReadAllText(Path.Combine(Output, "two_config.json")));
        Assert.True(Space.State("first").IsFresh);
    }

    [Fact]
    public void An_old_shard_that_was_changed_is_neither_deleted_nor_left_beside_new_ones()
    {
        Project.Build();
        var shard = Path.Combine(Output, "model-00002-of-00003.safetensors");
        Flip(shard);
        Project.ShardSize = "0";
        Project.Declare();
        Assert.Contains("model-00002-of-00003.safetensors", Refused(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_changed_file_that_is_written_over_is_told()
    {
        Project.Build();
        File.AppendAllText(Path.Combine(Output, "README.md"), "mine");
        Assert.Equal(["README.md"], Space.State("first").Changed);
    }

    [Fact]
    public void Removing_leaves_what_was_changed_or_added_and_the_merge_can_be_made_again()
    {
        Project.Build();
        var made = FolderContent.Of(Output);
        var shard = Path.Combine(Output, "model-00001-of-00003.safetensors");
        Flip(shard);
        File.WriteAllText(Path.Combine(Output, "notes.txt"), "mine");
        Assert.Equal([shard], Remove());
        Assert.Equal([Path.GetFileName(shard), "notes.txt"], FolderContent.Of(Output).Keys);
        File.Delete(Path.Combine(Output, "notes.txt"));
        Project.Build();
        Assert.Equal(made, FolderContent.Of(Output));
        Assert.Empty(Remove());
        Assert.False(Directory.Exists(Output));
    }
}
