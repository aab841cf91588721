using MergeTasks.Caching;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Looking;
using MergeTasks.Merging.Outputs.Ownership;
using MergeTasks.Merging.Reporting;

namespace MergeTasks.Merging.Build;

/// <summary>Writes pages about a project's merges.</summary>
/// <param name="build">The project's merges, and what builds share.</param>
internal sealed class MergeReporter(MergeBuild build)
{
    /// <summary>Writes a page about each merge beside its output. No model is run; scores that the cache lacks are left out.</summary>
    /// <param name="progress">Hears of progress.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>Full paths of the pages.</returns>
    /// <exception cref="DiagnosticException">A merge has not been made, or a page cannot be written.</exception>
    public IReadOnlyList<string> Run(MergeProgress progress, CancellationToken cancellation)
    {
        var inputs = new IdentifiedFiles();
        var reading = build.Hasher(inputs);
        using var planner = build.Planner(reading);
        var pages = new List<string>();
        MergeOrder.ForEach(build.Merges, merge =>
        {
            var state = MergeBuild.StateOf(merge, planner, reading, cancellation);
            if (!state.HoldsModel)
                throw merge.Fault(
                    DiagnosticCode.OutputMissing, $"there is no report before it has been made: {string.Join("; ", state.Reasons)}.");
            using var scores = build.Scores(state.Plan, inputs, progress, cancellation);
            var gatherer = new ReportGatherer(OutputVerification.ManifestOf(merge.OutputFolder), scores.Context);
            var report = scores.Guarded(() => null, () => gatherer.Gather(state.Plan, null, reading));
            pages.Add(ReportFile.PathOf(merge.OutputFolder));
            ReportFile.Write(pages[^1], ReportPage.Of(report));
        });
        return pages;
    }
}
