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
public abstract class OwnedOutput : IDisposable
{
    private protected SmallProject Project { get; } = new("8KB");

    private protected MergeWorkspace Space => Project.Space;

    private protected string Output => Space.Output("first");

    private protected string Partial => Path.Combine(Output, ".partial");

    private protected string Record => Path.Combine(Output, MergedFiles.Owner);

    public void Dispose()
    {
        Project.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected IReadOnlyList<string> Remove() => OutputRemoval.Remove(Space.ProjectFile, Output, Space.Build().Hasher(), default);

    // Every way to the folder refuses, with one error, and nothing there changes.
    private protected string Refused(string merge = "first")
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

    private protected void Edit(Action<JsonNode> edit)
    {
        var record = JsonNode.Parse(File.ReadAllText(Record))!;
        edit(record);
        File.WriteAllText(Record, record.ToJsonString());
    }

    private protected static void Flip(string path)
    {
        var bytes = File.ReadAllBytes(path);
        bytes[^1] ^= 1;
        File.WriteAllBytes(path, bytes);
    }
}
