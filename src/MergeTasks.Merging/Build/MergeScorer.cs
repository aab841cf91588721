using System.Globalization;
using MergeTasks.Caching;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Comparing;
using MergeTasks.Merging.Execution;
using MergeTasks.Merging.Measuring;
using MergeTasks.Merging.Outputs;
using MergeTasks.Merging.Outputs.Importance;
using MergeTasks.Merging.Planning;

namespace MergeTasks.Merging.Build;

/// <summary>Computes the scores of a project's merges ahead of them, whole or in pieces, and tells what there is to compute.</summary>
/// <param name="build">The project's merges, and what builds share.</param>
internal sealed class MergeScorer(MergeBuild build)
{
    /// <summary>
    /// Computes the scores that one merge needs and the cache lacks. <see cref="MergeBuild.Run"/> does so too; this only makes it a step of
    /// its own. Merges whose output it uses must have been run before.
    /// </summary>
    /// <returns>What was found of the output; nothing is computed where that is complete, or where the cache cannot be written.</returns>
    /// <exception cref="DiagnosticException">With what is wrong.</exception>
    public OutputState Score(string name, MergeProgress progress, CancellationToken cancellation)
    {
        var inputs = new IdentifiedFiles();
        using var planner = build.Planner(build.Hasher(inputs));
        var merge = build.PlanUpstream(name, planner, inputs, cancellation);
        var state = MergeBuild.StateOf(merge, planner, build.Hasher(), cancellation);
        if (!MergeBuild.NeedsScores(state) || !build.Store().IsWritable())
            return state;
        using var scores = build.Scores(state.Plan, inputs, progress, cancellation);
        MergeBuild.Ensure(scores, state.Plan);

        // What is found is told when the merge is written.
        if (state.Plan.Measured is not null)
            scores.Guarded(() => null, () => SelfCheck.Run(state.Plan, scores.Context with { Progress = QuietProgress.Of(progress) }));
        return state;
    }

    /// <summary>
    /// The scores of all merges that are not up to date, as pieces that machines may compute side by side. No model is run. Merges that
    /// read an output that has not been made are left out.
    /// </summary>
    /// <exception cref="DiagnosticException">With everything that is wrong.</exception>
    public IReadOnlyList<ScorePiece> Pieces(CancellationToken cancellation)
    {
        using var planner = build.Planner(build.Hasher());
        return PiecesOf(planner, cancellation);
    }

    /// <summary>Computes pieces of scores, as far as the cache lacks them.</summary>
    /// <param name="choose">Chooses among all of them.</param>
    /// <param name="computesNeeds">Whether a piece whose needs are not there is computed with them; otherwise it is left.</param>
    /// <param name="progress">Hears of progress.</param>
    /// <param name="cancellation">Ends the work; what was finished is kept.</param>
    /// <returns>Those that were chosen, and whether they are there now.</returns>
    /// <exception cref="DiagnosticException">A score cannot be computed, or the cache cannot be written.</exception>
    public IReadOnlyList<(ScorePiece Piece, bool IsThere)> Run(
        Func<IReadOnlyList<ScorePiece>, IEnumerable<ScorePiece>> choose,
        bool computesNeeds,
        MergeProgress progress,
        CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(choose);
        var inputs = new IdentifiedFiles();
        using var planner = build.Planner(build.Hasher(inputs));
        var all = PiecesOf(planner, cancellation);
        List<ScorePiece> chosen = [.. choose(all)];
        if (!build.Store().IsWritable())
            throw new DiagnosticException(
                DiagnosticCode.CacheUnwritable,
                $"The cache folder '{build.CacheFolder}' cannot be written, and a score is of no use elsewhere.",
                null);

        // Those that need nothing first: others may be making meanwhile what the rest needs.
        var done = new List<(ScorePiece, bool)>();
        foreach (var piece in chosen.OrderBy(piece => piece.After.Count > 0).ThenBy(piece => piece.Number))
        {
            var isThere = piece.IsCached;
            if (!isThere && (computesNeeds || piece.After.All(number => IsCached(all[number - 1].Request, cancellation))))
            {
                var plan = planner.Plan(build.Merges.First(merge => merge.Name == piece.Merge), cancellation);
                using var scores = build.Scores(plan, inputs, progress, cancellation);
                scores.Ensure([piece.Request]);
                isThere = true;
            }

            done.Add((piece, isThere));
        }

        return done;
    }

    /// <summary>For each score of a planned merge, whether it is cached or why it is not.</summary>
    public IReadOnlyList<string> Explain(OutputState state, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(state);
        var made = MergeManifest.Read(state.Plan.Declaration.OutputFolder)?.Importance;
        return ScoreReasons.Of(state.Plan, made, build.Store(), cancellation);
    }

    /// <summary>What a build of a planned merge would run for the scores that it lacks, one line each, and all together.</summary>
    public IReadOnlyList<string> ExplainWork(OutputState state, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (!MergeBuild.NeedsScores(state))
            return [];
        var missing = ScoreBuild.Missing(
            state.Plan.Importance!.Requests.Concat(SelfCheck.Requests(state.Plan)), build.Store(), cancellation);
        using var scores = build.Scores(state.Plan, new IdentifiedFiles(), MergeProgress.None, cancellation);
        var works = missing.ConvertAll(request => (Request: request, Work: scores.Guarded(() => request, request.Work)));
        return works.Count == 0 ? [] :
        [
            .. works.Where(pair => pair.Work.Passes > 0).Select(pair => $"to run: {pair.Request.Model.Label}, {pair.Request.Phase}: {pair.Work}"),
            string.Create(
                CultureInfo.InvariantCulture,
                $"to run: {works.Count} scores, about {works.Sum(pair => pair.Work.Tokens):N0} tokens in all")
        ];
    }

    private IReadOnlyList<ScorePiece> PiecesOf(MergePlanner planner, CancellationToken cancellation)
    {
        var (hasher, needed) = (build.Hasher(), new List<(string, IEnumerable<ScoreRequest>)>());
        var states = new Dictionary<string, OutputState>(StringComparer.OrdinalIgnoreCase);
        MergeOrder.ForEach(build.Merges, merge =>
        {
            var state = MergeBuild.StateOf(merge, planner, hasher, cancellation);
            states[merge.Name] = state;
            if (MergeBuild.NeedsScores(state) && MergeOrder.Upstream(merge).All(upstream => states[upstream].HoldsModel))
                needed.Add((merge.Name, state.Plan.Importance!.Requests));
        });
        return ScorePiece.Of(
            needed,
            (merge, request) =>
            {
                using var scores = build.Scores(states[merge].Plan, new IdentifiedFiles(), MergeProgress.None, cancellation);
                return scores.Guarded(() => request, () => request.Pieces);
            },
            request => IsCached(request, cancellation));
    }

    private bool IsCached(ScoreRequest request, CancellationToken cancellation) =>
        build.Store().Has(request.Key.Digest, path => ScoreFile.IsOf(path, request), cancellation);
}
