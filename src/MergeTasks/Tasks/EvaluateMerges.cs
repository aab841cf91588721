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

    /// <summary>Whether somebody else tells what was measured: the terminal logger shows nothing that a task says.</summary>
    public bool LeavesTelling { get; set; }

    /// <summary>What is to be told then.</summary>
    [Output]
    public string Told { get; private set; } = "";

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
        var (lines, failures) = (EvaluationTable.Of(results), results.SelectMany(result => result.Failures()));
        if (LeavesTelling)
        {
            Told = ToldFigures.Of(lines, failures).Packed();
            return;
        }

        foreach (var line in lines)
            Log.LogMessage(MessageImportance.High, "{0}", line);
        foreach (var failure in failures)
            Report(failure);
    }
}
