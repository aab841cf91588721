using MergeTasks.Caching;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Searching;
using MergeTasks.Merging.Measuring;
using MergeTasks.Merging.Searching;

namespace MergeTasks.Merging.Build;

/// <summary>Searches the best settings of a merge.</summary>
/// <param name="build">The project's merges, and what builds share.</param>
internal sealed class MergeSearcher(MergeBuild build)
{
    /// <summary>
    /// Searches the best settings of a merge and writes them to its search's file. Merges whose output it uses must have been run before;
    /// its own output is neither needed nor made. What was measured is kept, so a search that was ended goes on.
    /// </summary>
    /// <param name="name">The merge.</param>
    /// <param name="candidate">The merge with other settings.</param>
    /// <param name="progress">Hears of progress, and of what should be said of the result.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>What was found.</returns>
    /// <exception cref="DiagnosticException">Something cannot be measured, or no candidate can be used; nothing is written.</exception>
    public SearchRecord Run(
        string name, Func<SearchedSettings, MergeDeclaration> candidate, MergeProgress progress, CancellationToken cancellation)
    {
        var inputs = new IdentifiedFiles();
        var reading = build.Hasher(inputs);
        using var planner = build.Planner(reading);
        var merge = build.PlanUpstream(name, planner, inputs, cancellation);
        var search = merge.Search ?? throw merge.Fault(DiagnosticCode.IncompleteSearch, "no MergeSearch searches for it.");
        var first = planner.Plan(merge, cancellation);
        if (first.AdapterConfig is not null)
            throw merge.Fault(DiagnosticCode.NotScorable, "the output is an adapter, which is no model that a search could run.");
        using var scores = build.Scores(first, inputs, progress, cancellation);
        var measurable = new Measurable($"MergeSearch '{name}'", reading, build.Engine.NumericsVersion, cancellation);
        var (found, warnings) = new MergeSearch(
            search,
            (settings, change) => planner.Plan(change(candidate(settings)), cancellation),
            first,
            measurable,
            new SearchSpace(search.Axes, build.Methods),
            scores).Run();
        found.Write(search.File);
        foreach (var warning in warnings)
            progress.Warn(warning);
        return found;
    }
}
