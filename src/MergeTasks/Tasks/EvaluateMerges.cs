using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Build;
using MergeTasks.Merging.Measuring.Evaluation;
using Microsoft.Build.Framework;

namespace MergeTasks.Tasks;

/// <summary>
/// Measures merged models on texts and tasks beside the models that they were made from; a merge that misses a threshold is an error.
/// </summary>
[MSBuildMultiThreadableTask]
public sealed class EvaluateMerges : DeclaringTask
{
    /// <summary>Full path of the file that says what the phase is doing, where that is on a device.</summary>
    [Required]
    public string RunningFile { get; set; } = "";

    /// <inheritdoc/>
    protected override void Run(CancellationToken cancellation)
    {
        var merges = ReadDeclarations();
        var declared = EvaluationReader.Read(
            Path.GetDirectoryName(ProjectFile)!,
            Evaluations,
            [.. merges.Select(merge => merge.Name)]);
        var host = ChooseDevice();
        using var running = RunningPhase.Begin(RunningFile, host);
        using var progress = new ScoringProgress(Log, "evaluation", Report, running);
        var results = new MergeEvaluator(BuildOf(merges, host, progress.Note))
            .Run(declared, name => GeneratedProjects.LockOf(MergesFolder, name), progress, cancellation);
        foreach (var line in EvaluationTable.Of(results))
            Log.LogMessage(MessageImportance.High, "{0}", line);
        foreach (var failure in results.SelectMany(result => result.Failures()))
            Report(failure);
    }
}
