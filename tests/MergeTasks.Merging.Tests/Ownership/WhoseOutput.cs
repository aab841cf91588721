using System.Text.Json.Nodes;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Outputs.Ownership;
using MergeTasks.Merging.Tests.Incremental;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Ownership;

/// <summary>
/// What is in an output folder is replaced or deleted only if the record there proves that this merge of this project wrote it.
/// </summary>
public sealed class WhoseOutput : IDisposable
{
    private readonly SmallProject _project = new("8KB");

    private MergeWorkspace Space => _project.Space;

    private string Output => Space.Output("first");

    private string Partial => Path.Combine(Output, ".partial");

    private string Record => Path.Combine(Output, MergedFiles.Owner);

    public void Dispose() => _project.Dispose();

    [Fact]
    public void A_record_names_project_merge_folder_and_every_file_and_is_nobodys_side_file()
    {
        _project.Build();
        var record = JsonNode.Parse(File.ReadAllText(Record))!;
        Assert.Equal(Space.ProjectFile, (string?)record["Project"]);
        Assert.Equal("first", (string?)record["Merge"]);
        Assert.Equal(Output, (string?)record["Folder"]);
        Assert.Empty(record["Preparing"]!.AsArray());
        Assert.Equal(
            FolderContent.Of(Output).Keys, record["Files"]!.AsArray().Select(file => (string)file!["Name"]!).Order(StringComparer.Ordinal));
        Assert.DoesNotContain("owner", File.ReadAllText(Path.Combine(Output, MergedFiles.Manifest)), StringComparison.Ordinal);

        // Used as a plain folder, the output is a model like any other.
        Directory.Move(Output, Path.Combine(Space.Folder, "models", "made"));
        Space.Clear();
        Space.Merge("of-it", ("Method", "passthrough"));
        Space.Source("models/made");
        Space.Run("of-it");
        Assert.Contains("\"of-it\"", File.ReadAllText(Path.Combine(Space.Output("of-it"), MergedFiles.Owner)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Project", "/elsewhere/project.csproj")]
    [InlineData("Merge", "second")]
    [InlineData("Folder", "/elsewhere/out/first")]
    public void A_record_of_somebody_else_is_refused_and_names_him(string field, string value)
    {
        _project.Build();
        Edit(record => record[field] = value);
        Assert.Contains(value, Refused(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("{\"Format\":2}")]
    [InlineData("not json")]
    [InlineData("{\"Format\":1,\"Project\":\"p\",\"Merge\":\"first\",\"Folder\":\"x\",\"Files\":[null],\"Preparing\":[null]}")]
    public void A_damaged_record_proves_nothing(string text)
    {
        _project.Build();
        File.WriteAllText(Record, text);
        Refused();
        File.Delete(Record);
        Refused();
    }

    [Fact]
    public void A_record_of_another_version_is_refused_by_name()
    {
        _project.Build();
        Edit(record => record["Format"] = 7);
        Assert.Contains("has format 7; this version knows format 1", Refused(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../second/model.safetensors")]
    [InlineData("..")]
    [InlineData("/etc/passwd")]
    public void A_record_with_a_name_that_leads_out_proves_nothing(string name)
    {
        _project.Build();
        Edit(record => record["Files"]!.AsArray().Add(new JsonObject { ["Name"] = name, ["Length"] = 1, ["Digest"] = "x" }));
        Refused();
        Edit(record =>
        {
            record["Files"]!.AsArray().RemoveAt(record["Files"]!.AsArray().Count - 1);
            record["Preparing"]!.AsArray().Add(name);
        });
        Refused();
    }

    [Fact]
    public void A_manifest_of_another_merge_makes_no_folder_ours()
    {
        _project.Build();
        File.Delete(Record);
        Refused();
        Space.Clear();
        Space.Merge("thief", ("Method", "passthrough"), ("OutputDirectory", "out/second"));
        Space.Source("models/a");
        Assert.Contains("merge 'second' of this project", Refused("thief"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_that_only_the_manifest_has_is_no_leftover()
    {
        _project.Build();
        var notes = Path.Combine(Output, "NOTICE.txt");
        File.WriteAllText(notes, "mine");
        var manifest = Path.Combine(Output, MergedFiles.Manifest);
        File.WriteAllText(
            manifest, File.ReadAllText(manifest).Replace("\"files\": {", "\"files\": {\"NOTICE.txt\": \"\", ", StringComparison.Ordinal));
        _project.Build();
        Assert.Equal("mine", File.ReadAllText(notes));

        // And what the output comes to need is not written over it.
        File.WriteAllText(_project.ModelFile("base", "NOTICE.txt"), "the base's");
        Assert.Contains(notes, Refused(), StringComparison.Ordinal);
        Assert.Equal("mine", File.ReadAllText(notes));
    }

    [Fact]
    public void A_leftover_goes_as_it_was_written_and_stays_if_it_was_changed()
    {
        File.WriteAllText(_project.ModelFile("base", "one_config.json"), "{}");
        File.WriteAllText(_project.ModelFile("base", "two_config.json"), "{}");
        _project.Build();
        File.WriteAllText(Path.Combine(Output, "two_config.json"), "{\"edited\": 1}");
        File.Delete(_project.ModelFile("base", "one_config.json"));
        File.Delete(_project.ModelFile("base", "two_config.json"));
        Assert.Equal(["two_config.json"], Space.State("first").Left);
        _project.Build();
        Assert.False(File.Exists(Path.Combine(Output, "one_config.json")));
        Assert.Equal("{\"edited\": 1}", File.ReadAllText(Path.Combine(Output, "two_config.json")));
        Assert.True(Space.State("first").IsFresh);
    }

    [Fact]
    public void An_old_shard_that_was_changed_is_neither_deleted_nor_left_beside_new_ones()
    {
        _project.Build();
        var shard = Path.Combine(Output, "model-00002-of-00003.safetensors");
        Flip(shard);
        _project.ShardSize = "0";
        _project.Declare();
        Assert.Contains("model-00002-of-00003.safetensors", Refused(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_changed_file_that_is_written_over_is_told()
    {
        _project.Build();
        File.AppendAllText(Path.Combine(Output, "README.md"), "mine");
        Assert.Equal(["README.md"], Space.State("first").Changed);
    }

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
        _project.Build();
        Directory.CreateSymbolicLink(Partial, precious);
        Refused();
        Edit(record => record["Preparing"]!.AsArray().Add("model.safetensors"));
        Refused();
        Assert.Empty(Remove());
        Assert.Equal("mine", File.ReadAllText(Path.Combine(precious, "model.safetensors")));
    }

    [Fact]
    public void A_partial_folder_that_no_build_prepared_makes_no_folder_ours()
    {
        Directory.CreateDirectory(Partial);
        File.WriteAllText(Path.Combine(Output, "model.safetensors"), "mine");
        Refused();
        File.Delete(Path.Combine(Output, "model.safetensors"));
        File.WriteAllText(Path.Combine(Partial, "x"), "mine");
        Refused();
        File.Delete(Path.Combine(Partial, "x"));
        _project.Build();
        Assert.False(Directory.Exists(Partial));
        Directory.CreateDirectory(Path.Combine(Partial, "model.safetensors"));
        Refused();
    }

    [Fact]
    public void A_file_that_comes_where_a_killed_build_had_prepared_one_is_not_written_over()
    {
        using var project = new Interrupted.InterruptedProject();
        project.Declare("single");
        Assert.True(Interrupted.CrashingProcess.Run(project.Space, "m", "written", 1));
        Assert.Contains("Preparing\":[\"", File.ReadAllText(Path.Combine(project.Output, MergedFiles.Owner)), StringComparison.Ordinal);
        var file = Path.Combine(project.Output, "model.safetensors");
        File.WriteAllText(file, "mine");
        var refused = Assert.Throws<DiagnosticException>(() => project.Space.Run("m"));
        Assert.Equal(DiagnosticCode.ForeignOutput, Assert.Single(refused.Diagnostics).Code);
        Assert.Equal("mine", File.ReadAllText(file));
    }

    [Fact]
    public void A_recorded_file_that_became_a_link_is_replaced_and_not_followed()
    {
        if (!OperatingSystem.IsLinux())
            return;
        _project.Build();
        var path = Path.Combine(Output, "tokenizer.json");
        var target = _project.ModelFile("a", "tokenizer.json");
        File.Delete(path);
        File.CreateSymbolicLink(path, target);
        var before = File.ReadAllText(target);
        Assert.Equal(["tokenizer.json"], Space.State("first").Changed);
        _project.Build();
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
        _project.Build();
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

    [Fact]
    public void A_copy_of_the_whole_project_takes_its_copies_over_and_the_original_stays()
    {
        _project.Build();
        var before = FolderContent.StampsOf(Output);
        var made = FolderContent.Of(Output);
        using var copy = new MergeWorkspace();
        Copy(Space.Folder, copy.Folder);
        copy.Merge("first", ("Method", "task_arithmetic"), ("Base", "models/base"), ("MaxShardSize", "8KB"));
        copy.Source("models/a", ("Weight", "0.5"));
        copy.Source("models/b", ("Weight", "0.25"));
        Assert.Empty(OutputRemoval.Remove(copy.ProjectFile, copy.Output("first"), copy.Build().Hasher(), default));
        Assert.Equal(made, FolderContent.Of(copy.Output("first")));
        Assert.False(copy.State("first").IsFresh);
        Assert.Equal(0, copy.State("first").StaleTensorCount);
        copy.Run("first");
        Assert.True(copy.State("first").IsFresh);
        Assert.Equal(made, FolderContent.Of(copy.Output("first")));
        Assert.Empty(OutputRemoval.Remove(copy.ProjectFile, copy.Output("first"), copy.Build().Hasher(), default));
        Assert.False(Directory.Exists(copy.Output("first")));
        Assert.Equal(before, FolderContent.StampsOf(Output));
    }

    [Theory]
    [InlineData("changed file")]
    [InlineData("another place in the project")]
    [InlineData("another project file")]
    public void A_copy_that_came_otherwise_is_not_taken_over(string how)
    {
        _project.Build();
        using var copy = new MergeWorkspace();
        Copy(Space.Folder, copy.Folder);
        var place = how == "another place in the project" ? "mine" : "out/first";
        copy.Merge("first", ("Method", "passthrough"), ("OutputDirectory", place));
        copy.Source("models/a");
        if (how == "changed file")
            File.AppendAllText(Path.Combine(copy.Output("first"), "README.md"), "mine");
        if (how == "another place in the project")
            Directory.Move(copy.Output("first"), Path.Combine(copy.Folder, "mine"));
        if (how == "another project file")
        {
            var record = Path.Combine(copy.Output("first"), MergedFiles.Owner);
            File.WriteAllText(record, File.ReadAllText(record).Replace("project.csproj", "q.csproj", StringComparison.Ordinal));
        }

        var folder = Path.Combine(copy.Folder, place);
        var before = FolderContent.StampsOf(folder);
        Assert.Equal(
            DiagnosticCode.ForeignOutput, Assert.Single(Assert.Throws<DiagnosticException>(() => copy.Run("first")).Diagnostics).Code);
        Assert.Equal(before, FolderContent.StampsOf(folder));
    }

    [Fact]
    public void Another_project_that_shares_the_folder_is_refused_and_both_are_named()
    {
        _project.Build();
        using var other = new MergeWorkspace();
        other.Model("a", ("w", RawTensor.F32([1], 1)));
        other.Merge("first", ("Method", "passthrough"), ("OutputDirectory", Output));
        other.Source("models/a");
        var before = FolderContent.StampsOf(Output);
        var message = Assert.Single(Assert.Throws<DiagnosticException>(() => other.Run("first")).Diagnostics).Message;
        Assert.Contains(Space.ProjectFile, message, StringComparison.Ordinal);
        Assert.Contains(other.ProjectFile, message, StringComparison.Ordinal);
        Assert.Empty(OutputRemoval.Remove(other.ProjectFile, Output, other.Build().Hasher(), default));
        Assert.Equal(before, FolderContent.StampsOf(Output));
    }

    [Fact]
    public void Removing_leaves_what_was_changed_or_added_and_the_merge_can_be_made_again()
    {
        _project.Build();
        var made = FolderContent.Of(Output);
        var shard = Path.Combine(Output, "model-00001-of-00003.safetensors");
        Flip(shard);
        File.WriteAllText(Path.Combine(Output, "notes.txt"), "mine");
        Assert.Equal([shard], Remove());
        Assert.Equal([Path.GetFileName(shard), "notes.txt"], FolderContent.Of(Output).Keys);
        File.Delete(Path.Combine(Output, "notes.txt"));
        _project.Build();
        Assert.Equal(made, FolderContent.Of(Output));
        Assert.Empty(Remove());
        Assert.False(Directory.Exists(Output));
    }

    private IReadOnlyList<string> Remove() => OutputRemoval.Remove(Space.ProjectFile, Output, Space.Build().Hasher(), default);

    // Every way to the folder refuses, with one error, and nothing there changes.
    private string Refused(string merge = "first")
    {
        var before = FolderContent.Of(Path.Combine(Space.Folder, "out"));
        var messages = new List<string>();
        foreach (var act in new Action[] { () => Space.Plan(), () => Space.Run(merge) })
        {
            var diagnostic = Assert.Single(Assert.Throws<DiagnosticException>(act).Diagnostics);
            Assert.Equal(DiagnosticCode.ForeignOutput, diagnostic.Code);
            messages.Add(diagnostic.Message);
        }

        Assert.Equal(before, FolderContent.Of(Path.Combine(Space.Folder, "out")));
        return messages[0];
    }

    private void Edit(Action<JsonNode> edit)
    {
        var record = JsonNode.Parse(File.ReadAllText(Record))!;
        edit(record);
        File.WriteAllText(Record, record.ToJsonString());
    }

    private static void Flip(string path)
    {
        var bytes = File.ReadAllBytes(path);
        bytes[^1] ^= 1;
        File.WriteAllBytes(path, bytes);
    }

    private static void Copy(string from, string to)
    {
        foreach (var folder in Directory.GetDirectories(from, "*", SearchOption.AllDirectories))
            Directory.CreateDirectory(Path.Combine(to, Path.GetRelativePath(from, folder)));
        foreach (var file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
            File.Copy(file, Path.Combine(to, Path.GetRelativePath(from, file)), overwrite: true);
    }
}
