using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Inputs;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Ownership;

/// <summary>Links in outputs, to them and out of them.</summary>
public sealed class LinkedOutputs : OwnedOutput
{
    [Fact]
    public void A_partial_folder_that_is_a_link_is_not_followed()
    {
        if (!OperatingSystem.IsLinux())
            return;
        var precious = Directory.CreateDirectory(Path.Combine(Space.Folder, "precious")).FullName;
        File.WriteAllText(Path.Combine(precious, "model.safetensors"), "mine");
        Directory.CreateDirectory(Output);
        Directory.CreateSymbolicLink(Partial, precious);
        Refused();
        Directory.Delete(Partial);
        Project.Build();
        Directory.CreateSymbolicLink(Partial, precious);
        Refused();
        Edit(record => record["Preparing"]!.AsArray().Add("model.safetensors"));
        Refused();
        Assert.Empty(Remove());
        Assert.Equal("mine", File.ReadAllText(Path.Combine(precious, "model.safetensors")));
    }

    [Fact]
    public void A_recorded_file_that_became_a_link_is_replaced_and_not_followed()
    {
        if (!OperatingSystem.IsLinux())
            return;
        Project.Build();
        var path = Path.Combine(Output, "tokenizer.json");
        var target = Project.ModelFile("a", "tokenizer.json");
        File.Delete(path);
        File.CreateSymbolicLink(path, target);
        var before = File.ReadAllText(target);
        Assert.Equal(["tokenizer.json"], Space.State("first").Changed);
        Project.Build();
        Assert.Null(new FileInfo(path).LinkTarget);
        File.Delete(path);
        File.CreateSymbolicLink(path, target);
        Assert.Equal([path], Remove());
        Assert.Equal(before, File.ReadAllText(target));
    }

    [Theory]
    [InlineData("models/b")]
    [InlineData("models")]
    public void An_output_that_leads_to_an_input_is_refused(string link)
    {
        if (!OperatingSystem.IsLinux())
            return;
        Directory.CreateSymbolicLink(Path.Combine(Space.Folder, "link"), Path.Combine(Space.Folder, link));
        Space.Clear();
        Space.Merge("m", ("Method", "linear"), ("OutputDirectory", link == "models" ? "link/b" : "link"));
        Space.Source("models/a", ("Weight", "1"));
        Space.Source("models/b", ("Weight", "1"));
        var diagnostic = Assert.Single(Assert.Throws<DiagnosticException>(() => Space.Declarations()).Diagnostics);
        Assert.Contains("write over", diagnostic.Message, StringComparison.Ordinal);

        // And that of two merges that lead to one place.
        Directory.CreateSymbolicLink(Path.Combine(Space.Folder, "other"), Path.Combine(Space.Folder, "out", "x"));
        Space.Clear();
        Space.Merge("x", ("Method", "passthrough"));
        Space.Merge("y", ("Method", "passthrough"), ("OutputDirectory", "other"));
        Space.Source("models/a", ("Into", "x;y"));
        Assert.Contains(
            "same output folder",
            Assert.Single(Assert.Throws<DiagnosticException>(() => Space.Declarations()).Diagnostics).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void An_output_on_another_disk_through_a_link_is_made_and_removed_and_the_link_stays()
    {
        if (!OperatingSystem.IsLinux())
            return;
        var disk = Directory.CreateDirectory(Path.Combine(Space.Folder, "disk")).FullName;
        Directory.CreateDirectory(Path.Combine(Space.Folder, "out"));
        Directory.CreateSymbolicLink(Output, disk);
        Project.Build();
        Assert.True(Space.State("first").IsFresh);
        Assert.True(File.Exists(Path.Combine(disk, MergedFiles.Manifest)));
        Assert.Empty(Remove());
        Assert.Empty(FolderContent.Of(disk));
        Assert.Equal(disk, new DirectoryInfo(Output).LinkTarget);

        // Led elsewhere, where another output lies, the link does not make that one this merge's.
        Directory.Delete(Output);
        Directory.CreateSymbolicLink(Output, Space.Output("second"));
        Space.Clear();
        Space.Merge("first", ("Method", "passthrough"));
        Space.Source("models/a");
        Refused();
    }
}
