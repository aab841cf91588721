using MergeTasks.Merging.Inputs;
using MergeTasks.TestSupport;
using Microsoft.Build.Framework;

namespace MergeTasks.Tasks.Tests;

/// <summary>What the tasks delete: outputs of the project's own, found by hints below obj that prove nothing.</summary>
public sealed class KeptOutputs : IDisposable
{
    private readonly TaskProject _project = new();

    private string Hints => Path.Combine(_project.MergesFolder, "outputs.txt");

    public void Dispose() => _project.Dispose();

    public static TheoryData<string> Lines =>
    [
        "/",
        "{0}",
        "{1}",
        "{1}/",
        "p.csproj\toutput\t/",
        "p.csproj\toutput\t{0}",
        "p.csproj\toutput\t{1}",
        "p.csproj\toutput\tmodels/b",
        "p.csproj\toutput\t../..",
        "p.csproj\toutput\t.",
        "p.csproj\tgenerated\t{0}", "p.csproj\tgenerated\t../../../models/b/config.json", "p.csproj\tgenerated\t../../../p.proj",
        "p.csproj\tgenerated\tmine.txt", "\t\t", "p.csproj\toutput\t",
        "q.csproj\toutput\tbin/Debug/models/m",
    ];

    [Theory]
    [MemberData(nameof(Lines))]
    public void No_line_below_obj_is_enough_to_delete_anything(string line)
    {
        _project.Build();
        File.WriteAllText(_project["p.proj"], "mine");
        File.WriteAllText(Path.Combine(_project.MergesFolder, "mine.txt"), "mine");
        var models = FolderContent.Of(_project["models"]);
        var written = string.Format(null, line, _project["models", "b", "config.json"], _project["models", "b"]);
        File.AppendAllText(Hints, written + "\n");
        Assert.True(_project.Plan(), _project.Said);
        File.AppendAllText(Hints, written + "\n");
        Assert.True(_project.Clean(), _project.Said);
        Assert.Equal(models, FolderContent.Of(_project["models"]));
        Assert.True(File.Exists(_project["p.proj"]) && File.Exists(Path.Combine(_project.MergesFolder, "mine.txt")));
        Assert.False(Directory.Exists(_project.Output));
    }

    [Fact]
    public void A_merge_that_is_gone_takes_its_output_along_only_where_all_items_are_seen()
    {
        _project.Build();
        var made = FolderContent.Of(_project.Output);
        _project.Name = "other";
        _project.SeesAllItems = false;
        Assert.True(_project.Plan(), _project.Said);
        Assert.Equal(made, FolderContent.Of(_project.Output));
        Assert.Contains(
            _project.Engine.Messages,
            message => message.Contains(_project.Output, StringComparison.Ordinal) && message.Contains("left", StringComparison.Ordinal));
        Assert.True(_project.Merge(), _project.Said);
        Assert.True(_project.Plan(), _project.Said);
        Assert.Equal(made, FolderContent.Of(_project.Output));

        // What an earlier build could not see does not keep a later one from looking.
        _project.SeesAllItems = true;
        Assert.True(_project.Plan(), _project.Said);
        Assert.False(Directory.Exists(_project.Output));
        Assert.True(File.Exists(_project["bin", "Debug", "models", "other", MergedFiles.Manifest]));
    }

    [Fact]
    public void An_output_of_a_merge_that_is_gone_and_that_another_merge_reads_stays()
    {
        _project.Build();
        var made = FolderContent.Of(_project.Output);
        _project.Name = "other";
        _project.SecondSource = _project.Output;
        Assert.True(_project.Plan(), _project.Said);
        Assert.True(_project.Merge(), _project.Said);
        Assert.True(_project.Plan(), _project.Said);
        Assert.Equal(made, FolderContent.Of(_project.Output));
    }

    [Fact]
    public void What_a_merge_that_is_still_declared_made_in_another_folder_stays_until_it_is_cleaned()
    {
        _project.Build();
        var (first, made) = (_project.Output, FolderContent.Of(_project.Output));
        _project.Configuration = "Release";
        _project.Build();
        Assert.True(_project.Plan(), _project.Said);
        Assert.Equal(made, FolderContent.Of(first));
        Assert.Equal(made, FolderContent.Of(_project.Output));
        Assert.True(_project.Clean(), _project.Said);
        Assert.False(Directory.Exists(first) || Directory.Exists(_project.Output));
    }

    [Fact]
    public void Obj_alone_at_another_place_says_nothing_of_the_first_ones_outputs()
    {
        _project.Build();
        var made = FolderContent.StampsOf(_project.Output);
        using var other = new TaskProject();
        Directory.CreateDirectory(other.MergesFolder);
        foreach (var file in Directory.GetFiles(_project.MergesFolder))
            File.Copy(file, Path.Combine(other.MergesFolder, Path.GetFileName(file)));
        File.AppendAllText(Path.Combine(other.MergesFolder, "outputs.txt"), $"p.csproj\toutput\t{_project.Output}\n");
        Assert.True(other.Plan(), other.Said);
        Assert.True(other.Clean(), other.Said);
        Assert.Equal(made, FolderContent.StampsOf(_project.Output));
    }

    [Fact]
    public void What_clean_leaves_is_told()
    {
        _project.Build();
        var card = Path.Combine(_project.Output, "README.md");
        File.AppendAllText(card, "mine");
        Assert.True(_project.Clean(), _project.Said);
        Assert.Equal(["README.md"], FolderContent.Of(_project.Output).Keys);
        Assert.Contains(
            _project.Engine.Messages,
            message => message.Contains(card, StringComparison.Ordinal) && message.Contains("was changed", StringComparison.Ordinal));

        // A second clean knows it still, and once nobody's change is in the way, takes it along.
        _project.Build();
        Assert.True(_project.Clean(), _project.Said);
        Assert.False(Directory.Exists(_project.Output));
    }

    [Fact]
    public void A_project_file_of_another_name_in_the_same_folders_is_another_project()
    {
        _project.Build();
        var made = FolderContent.StampsOf(_project.Output);
        File.Copy(_project.ProjectFile, _project["q.csproj"]);
        _project.ProjectName = "q.csproj";
        Assert.Equal("MTK7003", _project.Refused(_project.Plan).Code);
        Assert.True(_project.Clean(), _project.Said);
        Assert.Equal(made, FolderContent.StampsOf(_project.Output));
        _project.ProjectName = "p.csproj";
        Assert.True(_project.Plan(out ITaskItem[] stale), _project.Said);
        Assert.Empty(stale);
        Assert.True(_project.Clean(), _project.Said);
        Assert.False(Directory.Exists(_project.Output));
    }
}
