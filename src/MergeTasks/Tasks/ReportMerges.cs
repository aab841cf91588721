using MergeTasks.Merging.Build;
using Microsoft.Build.Framework;

namespace MergeTasks.Tasks;

/// <summary>Writes a page about each merge beside its output. It runs no model.</summary>
[MSBuildMultiThreadableTask]
public sealed class ReportMerges : DeclaringTask
{
    /// <inheritdoc/>
    protected override void Run(CancellationToken cancellation)
    {
        var merges = ReadDeclarations();
        var host = ChooseDevice();
        using var progress = new ScoringProgress(Log, "report", Report, null);
        foreach (var path in new MergeReporter(BuildOf(merges, host, progress.Note)).Run(progress, cancellation))
            Log.LogMessage(MessageImportance.High, "Report: {0}", path);
    }
}
