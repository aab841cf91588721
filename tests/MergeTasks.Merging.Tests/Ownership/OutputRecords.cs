using System.Text.Json.Nodes;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Inputs;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Ownership;

/// <summary>
/// What a record proves, and what proves nothing: a damaged one, one of somebody else, a manifest, a folder for what is prepared.
/// </summary>
public sealed class OutputRecords : OwnedOutput
{
    [Fact]
    public void A_record_names_project_merge_folder_and_every_file_and_is_nobodys_side_file()
    {
        Project.Build();
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
        Project.Build();
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
        Project.Build();
        File.WriteAllText(Record, text);
        Refused();
        File.Delete(Record);
        Refused();
    }

    [Fact]
    public void A_record_of_another_version_is_refused_by_name()
    {
        Project.Build();
        Edit(record => record["Format"] = 7);
        Assert.Contains("has format 7; this version knows format 1", Refused(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../second/model.safetensors")]
    [InlineData("..")]
    [InlineData("/etc/passwd")]
    public void A_record_with_a_name_that_leads_out_proves_nothing(string name)
    {
        Project.Build();
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
        Project.Build();
        File.Delete(Record);
        Refused();
        Space.Clear();
        Space.Merge("thief", ("Method", "passthrough"), ("OutputDirectory", "out/second"));
        Space.Source("models/a");
        Assert.Contains("merge 'second' of this project", Refused("thief"), StringComparison.Ordinal);
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
        Project.Build();
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
}
