using MergeTasks.Caching;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Execution;
using MergeTasks.Merging.Measuring.Evaluation;
using MergeTasks.Merging.Outputs;

namespace MergeTasks.Merging.Build;

/// <summary>Measures a project's merges on data.</summary>
/// <param name="build">The project's merges, and what builds share.</param>
internal sealed class MergeEvaluator(MergeBuild build)
{
    /// <summary>
    /// Measures merges, and the models that they were made from, as far as the cache lacks the results, and tells of it in the outputs'
    /// manifests and model cards.
    /// </summary>
    /// <param name="evaluations">What to measure.</param>
    /// <param name="lockFileOf">A merge's lock file, held while its manifest is written.</param>
    /// <param name="progress">Hears of progress.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>In the order of the declarations.</returns>
    /// <exception cref="DiagnosticException">A merge has not been made, or something cannot be measured.</exception>
    public IReadOnlyList<MergeEvaluation> Run(
        IReadOnlyList<EvaluationDeclaration> evaluations,
        Func<string, string> lockFileOf,
        MergeProgress progress,
        CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(evaluations);
        ArgumentNullException.ThrowIfNull(lockFileOf);
        var inputs = new IdentifiedFiles();
        var reading = build.Hasher(inputs);
        using var planner = build.Planner(reading);
        var states = new Dictionary<string, OutputState>(StringComparer.OrdinalIgnoreCase);
        MergeOrder.ForEach(
            build.Merges, merge => states[merge.Name] = MergeBuild.StateOf(merge, planner, reading, cancellation));
        var results = new List<MergeEvaluation>();
        foreach (var evaluation in evaluations)
        {
            var state = states[evaluation.Merge];
            if (!state.HoldsModel)
                throw new DiagnosticException(
                        DiagnosticCode.OutputMissing,
                        $"Merge '{evaluation.Merge}' cannot be evaluated before it has been made: {string.Join("; ", state.Reasons)}.",
                        evaluation.Location);
            foreach (var upstream in MergeOrder.Upstream(state.Plan.Declaration))
                MergeBuild.RequireMade(evaluation.Merge, states[upstream]);
            using var scores = build.Scores(state.Plan, inputs, progress, cancellation);
            results.Add(new EvaluationBuild(reading, scores).Run(state.Plan, evaluation));
        }

        foreach (var group in results.GroupBy(result => result.Declaration.Merge, StringComparer.OrdinalIgnoreCase))
        {
            using var own = build.Lock(group.Key, lockFileOf(group.Key), progress, cancellation);
            var output = states[group.Key].Output;
            var told = OutputState.Inspect(
                output.With([.. group.Select(result => ManifestEvaluation.From(result, output.Plan.TensorsDigest))]),
                build.Hasher(),
                cancellation);

            // Only these figures are added: an output that changed meanwhile is not this task's to mend.
            if (!told.IsFresh && told.StaleShards.Count == 0)
                build.Tell(told, progress, cancellation);
        }

        return results;
    }
}
