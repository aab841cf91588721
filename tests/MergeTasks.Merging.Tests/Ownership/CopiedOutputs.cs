using System.Diagnostics;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Outputs.Ownership;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Ownership;

/// <summary>Outputs that lie in another project than they were made by.</summary>
public sealed class CopiedOutputs : OwnedOutput
{
    [Fact]
    public void A_copy_of_the_whole_project_takes_its_copies_over_and_the_original_stays()
    {
        Project.Build();
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
        Project.Build();
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
        Project.Build();
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

    private static void Copy(string from, string to)
    {
        foreach (var folder in Directory.GetDirectories(from, "*", SearchOption.AllDirectories))
            Directory.CreateDirectory(Path.Combine(to, Path.GetRelativePath(from, folder)));
        foreach (var file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
            File.Copy(file, Path.Combine(to, Path.GetRelativePath(from, file)), overwrite: true);
    }

    [Fact]
    public void Removing_an_output_leaves_the_file_system_that_is_mounted_in_its_place()
    {
        Directory.CreateDirectory(Output);
        Assert.SkipUnless(Mounts("mount", "-t", "tmpfs", "none", Output), "Nothing can be mounted here.");
        try
        {
            Space.Run("first");
            Assert.Empty(Remove());
            Assert.Empty(Directory.EnumerateFileSystemEntries(Output));
            Space.Run("first");
            Assert.True(Space.State("first").IsFresh);
        }
        finally
        {
            Assert.True(Mounts("umount", Output));
        }
    }

    private static bool Mounts(string program, params string[] arguments)
    {
        if (!File.Exists("/usr/bin/mount"))
            return false;
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true });
        process!.WaitForExit();
        return process.ExitCode == 0;
    }
}
