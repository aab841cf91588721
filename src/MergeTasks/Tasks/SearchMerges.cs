using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Build;
using MergeTasks.Merging.Searching;
using Microsoft.Build.Framework;

namespace MergeTasks.Tasks;

/// <summary>Searches the best settings of the merges that have a <c>MergeSearch</c>, and writes what it found for builds to use.</summary>
[MSBuildMultiThreadableTask]
public sealed class SearchMerges : DeclaringTask
{
    /// <summary>Full path of the file that says what the phase is doing, where that is on a device.</summary>
    [Required]
    public string RunningFile { get; set; } = "";

    /// <inheritdoc/>
    protected override void Run(CancellationToken cancellation)
    {
        var project = Defaults;
        var merges = ReadDeclarations(project.Searching());
        var searched = merges.Where(merge => merge.Search is not null).ToList();
        if (searched.Count == 0)
        {
            throw new DiagnosticException(
                DiagnosticCode.IncompleteSearch, "There is nothing to search: no MergeSearch names a merge of this project.", Location);
        }

        var host = ChooseDevice();
        Directory.CreateDirectory(Path.GetDirectoryName(RunningFile)!);
        using var running = RunningPhase.Begin(RunningFile, host);
        foreach (var merge in searched)
        {
            using var progress = new ScoringProgress(Log, merge.Name, Report, running);
            var found = new MergeSearcher(BuildOf(merges, host, progress.Note)).Run(
                merge.Name,
                settings => ReadDeclarations(project.Trying(merge.Name, settings)).First(candidate => candidate.Name == merge.Name),
                progress,
                cancellation);
            foreach (var line in SearchTable.Of(merge.Search!, found))
                Log.LogMessage(MessageImportance.High, "{0}", line);
            Log.LogMessage(MessageImportance.High, "{0} -> {1}", merge.Name, merge.Search!.File);
        }
    }
}
