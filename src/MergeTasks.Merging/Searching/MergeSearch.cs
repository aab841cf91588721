using System.Diagnostics;
using System.Globalization;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Recipes;
using MergeTasks.Language.Searching;
using MergeTasks.Merging.Measuring;
using MergeTasks.Merging.Planning;
using MergeTasks.Methods.BuiltIn;
using MergeTasks.Numerics.Optimizing;

namespace MergeTasks.Merging.Searching;

/// <summary>
/// Searches the best settings of a merge: tries candidates that <see cref="ParzenSearch"/> suggests, each on more and more of the items as
/// long as it does at least as well as half of those before it (successive halving, Jamieson and Talwalkar 2016, in the form that stops
/// single candidates, Li et al. 2020), and measures the best on items that none has seen.
/// </summary>
/// <param name="search">The search.</param>
/// <param name="plan">Plans a candidate.</param>
/// <param name="first">The plan of some candidate.</param>
/// <param name="measurable">Knows what can be measured.</param>
/// <param name="space">The coordinates of candidates.</param>
/// <param name="scores">Runs models and keeps results.</param>
internal sealed class MergeSearch(
    SearchDeclaration search,
    Func<SearchedSettings, Func<MergeDeclaration, MergeDeclaration>, MergePlan> plan,
    MergePlan first,
    Measurable measurable,
    SearchSpace space,
    ScoreBuild scores)
{
    private const int MostRepetitions = 500;

    private readonly List<SearchCandidate> _tried = [];
    private readonly Stopwatch _clock = Stopwatch.StartNew();

    /// <summary>Searches.</summary>
    /// <exception cref="DiagnosticException">Something cannot be measured, or no candidate can be used.</exception>
    public (SearchRecord Found, IReadOnlyList<Diagnostic> Warnings) Run()
    {
        using var run = new SearchRun(search, first, measurable, scores);
        var models = first.Models.Select(model =>
        {
            using var subject = run.Of(model);
            return Measure(run, subject, model.Declaration.Label, isModel: true);
        }).ToList();
        var yardsticks = Yardsticks(models);
        var scale = new SearchScale(search, yardsticks, measured => measured.Selecting);
        var merges = new[]
        {
            Merge(run, SearchComparison.PlainAverage, SearchedSettings.None, Averaged),
            Merge(run, SearchComparison.AsDeclared, SearchedSettings.None, merge => merge),
        }.OfType<Measured>().ToList();
        Try(run, scale);
        var best = Ranked().FirstOrDefault(candidate => candidate is { IsComplete: true, Violation: 0 }) ?? throw NoCandidate();
        var bestPlan = plan(best.Settings, merge => merge);
        using var found = run.Of(bestPlan);
        var measuredBest = Measure(run, found, SearchComparison.Best, isModel: false);
        var comparison = new SearchComparison(
            search, [.. models, .. merges], measuredBest, scale, new SearchScale(search, yardsticks, measured => measured.Held));
        var figures = comparison.Figures();
        return (
            new SearchRecord(
                SearchRecord.CurrentVersion,
                search.Merge,
                best.Settings.Settings,
                ToolVersion.Text,
                search.Asked(),
                SearchState.Models(bestPlan, measurable),
                SearchState.Data(search, measurable.DigestOf),
                bestPlan.TensorsDigest,
                figures,
                [.. _tried.OrderBy(candidate => candidate.Index).Select(candidate => candidate.Told)]),
            [.. comparison.Warnings(figures), .. Seen(run, bestPlan)]);
    }

    private void Try(SearchRun run, SearchScale scale)
    {
        var optimiser = new ParzenSearch(space.Dimensions, search.Seed) { Spread = Math.Clamp(search.Budget / 3, 2, 10) };
        var known = new HashSet<string>(StringComparer.Ordinal);
        for (var index = 0; index < search.Budget; index++)
        {
            var next = optimiser.Suggestions([.. Ranked().Select(candidate => candidate.Point)])
                .Take(MostRepetitions)
                .Select(point => (Point: point, Settings: space.SettingsOf(point)))
                .FirstOrDefault(suggested => known.Add(suggested.Settings.ToString()));
            if (next.Point is null)
            {
                scores.Note($"all {index} different settings of the axes have been tried.");
                return;
            }

            var candidate = Try(run, scale, new SearchCandidate(index, next.Point, next.Settings));
            _tried.Add(candidate);
            Tell(candidate);
        }
    }

    private SearchCandidate Try(SearchRun run, SearchScale scale, SearchCandidate candidate)
    {
        try
        {
            using var subject = run.Of(plan(candidate.Settings, merge => merge));
            for (var step = 0; step < SearchRun.Steps.Count; step++)
            {
                var own = run.Score(subject, step);
                var before = candidate.Scores;
                IReadOnlyList<double[]> all = [.. own.Select((values, file) => (double[])[.. before.Count == 0 ? [] : before[file], .. values])];
                candidate = candidate.With(all, scale.Objective(all), scale.Violation(all));
                if (candidate.FallsBehind(_tried))
                    break;
            }

            return candidate;
        }
        catch (DiagnosticException e) when (e.Diagnostics.All(IsOfSettings))
        {
            return candidate with { Reason = e.Diagnostics[0].Message };
        }
    }

    // That settings do not go together is found where they are tried; everything else would stop other candidates too.
    private static bool IsOfSettings(Diagnostic diagnostic) =>
        diagnostic.Code.ToString() is ['M', 'T', 'K', '1' or '4', ..] || diagnostic.Code == DiagnosticCode.UnsuitableScoring;

    // Those that reached the end come first by their objective; the others are worse than half of those that went further.
    private IEnumerable<SearchCandidate> Ranked() => _tried
        .OrderBy(candidate => candidate.Reason is null ? 0 : 1)
        .ThenBy(candidate => candidate.Violation)
        .ThenByDescending(candidate => candidate.Objectives.Count)
        .ThenByDescending(candidate => candidate.Objectives.Count > 0 ? candidate.Objectives[^1] : 0)
        .ThenBy(candidate => candidate.Index);

    private void Tell(SearchCandidate candidate)
    {
        var best = Ranked().FirstOrDefault(other => other is { IsComplete: true, Violation: 0 });
        var left = TimeSpan.FromSeconds(Math.Ceiling(_clock.Elapsed.TotalSeconds / _tried.Count * (search.Budget - _tried.Count)));
        var outcome = candidate.Reason is { } reason ? $"cannot be made: {reason}"
            : string.Create(CultureInfo.InvariantCulture, $"{candidate.Objectives[^1]:0.000}")
                + (candidate.Violation > 0 ? ", misses a guard" : "")
                + (candidate.IsComplete
                    ? ""
                    : string.Create(CultureInfo.InvariantCulture, $", stopped after {candidate.Share:0.##} of the items"));
        var soFar = best is null
            ? "none yet is good enough"
            : string.Create(CultureInfo.InvariantCulture, $"best so far {best.Objectives[^1]:0.000}, candidate {best.Index + 1}");
        scores.Note(string.Create(
            CultureInfo.InvariantCulture,
            $"candidate {_tried.Count} of {search.Budget}: {candidate.Settings}: {outcome}; "
                + $"{soFar}, about {left:c} left."));
    }

    private Measured? Merge(SearchRun run, string name, SearchedSettings settings, Func<MergeDeclaration, MergeDeclaration> change)
    {
        try
        {
            using var subject = run.Of(plan(settings, change));
            return Measure(run, subject, name, isModel: false);
        }
        catch (DiagnosticException e) when (e.Diagnostics.All(IsOfSettings))
        {
            return null;
        }
    }

    private static Measured Measure(SearchRun run, ScoredSubject subject, string name, bool isModel)
    {
        var steps = Enumerable.Range(0, SearchRun.Steps.Count).Select(step => run.Score(subject, step)).ToList();
        return new Measured(
            name,
            isModel,
            [.. run.Data.Select((_, file) => (double[])[.. steps.SelectMany(step => step[file])])],
            run.Score(subject, null));
    }

    // What files are compared with is decided where the search chooses.
    private List<Yardstick> Yardsticks(List<Measured> models)
    {
        var basis = first.Models.ToList().FindIndex(model =>
            first.Declaration.Base is { } named && model.Declaration.IsSameModel(named));
        var yardsticks = search.Data.Select((_, file) => Yardstick.Of(models, basis < 0 ? null : models[basis], file)).ToList();
        foreach (var (file, yardstick) in search.Data.Zip(yardsticks))
        {
            if (!yardstick.IsRecovery && search.Objective != SearchObjective.MeanLogProbability)
            {
                scores.Note(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{file.Label}: no model does clearly better than {(basis < 0 ? "the others" : "the base")}, so that there is nothing "
                        + $"to recover; there 1 is the loss of {yardstick.Best.Name} ({yardstick.Unit:0.000}), and 0 twice as much."));
            }
        }

        return yardsticks;
    }

    // Every model with the same weight, whatever else the merge says.
    private static MergeDeclaration Averaged(MergeDeclaration merge) => !merge.IsWhole
        ? throw merge.Fault(DiagnosticCode.ModelCount, "there is no plain average of parts.")
        : merge with
        {
            Method = LinearMethod.MethodName,
            MethodAssembly = null,
            Parameters = new Dictionary<string, Setting> { ["weight"] = new Setting.Number(1) },
            Models = [.. merge.Models.Select(model => model with { Parameters = new Dictionary<string, Setting>() })],
            Aim = null,
            Apl = null,
            Factor = null,
        };

    private DiagnosticException NoCandidate() => new(
        DiagnosticCode.NoCandidate,
        $"MergeSearch '{search.Merge}': none of {_tried.Count} candidates can be used, "
            + (_tried.Exists(candidate => candidate.Reason is null)
                ? "because all that came far enough miss a guard. Loosen Guard, widen the axes, or raise Budget."
                : $"because none can be made: {_tried[0].Reason}"),
        search.Location);

    // What AIM, APL or the factor of the change have seen is not held out.
    private IEnumerable<Diagnostic> Seen(SearchRun run, MergePlan best)
    {
        if (!best.Declaration.NeedsScores)
            yield break;
        foreach (var model in best.Declaration.Models.Where(model => model.TaskData is not null))
        {
            var keys = scores.Guarded(() => null, () => SearchItems.KeysOf(model.TaskData!.Path, run.Encoder));
            foreach (var file in run.Data)
            {
                var count = file.Held.Count(item => keys.Contains(item.Key));
                if (count > 0)
                {
                    yield return new Diagnostic(
                        DiagnosticCode.SeenItems,
                        $"MergeSearch '{search.Merge}': {count} of {file.Held.Count} items of '{file.File.Label}' that are held out "
                            + "are also "
                            + $"task data of '{model.Label}', by which the merge itself is decided. Evaluate on other items.",
                        file.File.Location,
                        IsWarning: true);
                }
            }
        }
    }
}
