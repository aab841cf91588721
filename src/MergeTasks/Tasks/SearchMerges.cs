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

    /// <summary>Whether somebody else tells what was found: the terminal logger shows nothing that a task says.</summary>
    public bool LeavesTelling { get; set; }

    /// <summary>What is to be told then.</summary>
    [Output]
    public string Told { get; private set; } = "";

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
        var lines = new List<string>();
        foreach (var merge in searched)
        {
            using var progress = new ScoringProgress(Log, merge.Name, Report, running);
            var found = new MergeSearcher(BuildOf(merges, host, progress.Note)).Run(
                merge.Name,
                settings => ReadDeclarations(project.Trying(merge.Name, settings)).First(candidate => candidate.Name == merge.Name),
                progress,
                cancellation);
            IReadOnlyList<string> own = [.. SearchTable.Of(merge.Search!, found), $"{merge.Name} -> {merge.Search!.File}"];
            lines.AddRange(own);
            for (var i = 0; !LeavesTelling && i < own.Count; i++)
                Log.LogMessage(MessageImportance.High, "{0}", own[i]);
        }

        if (LeavesTelling)
            Told = ToldFigures.Of(lines, []).Packed();
    }
}
