using MergeTasks.Language.Declarations;
using MergeTasks.Merging.Execution.Importance;
using MergeTasks.Merging.Locating;
using MergeTasks.Merging.Measuring;
using MergeTasks.Merging.Planning;
using MergeTasks.Merging.Planning.Importance;

namespace MergeTasks.Merging.Comparing;

/// <summary>
/// A merge, made in memory and run on its models' tasks: first, where it is asked for, the factor of the merged change, the smallest of a
/// few whose mean recovery is within a hundredth of the best on the samples that decide; then each held sample at that factor.
/// </summary>
internal sealed record MergedScoreRequest : ScoreRequest
{
    /// <summary>The factors that are tried.</summary>
    internal static readonly double[] Factors = [0.3, 0.4, 0.5, 0.6, 0.7, 0.85, 1, 1.25, 1.5];

    /// <summary>A difference in mean recovery that is taken for none.</summary>
    internal const double Tolerance = 0.01;

    private const int FirstFactor = 3;
    private const int UsualClimb = 5;

    private readonly MergePlan _plan;
    private readonly string _step;

    public MergedScoreRequest(MergePlan plan, string step)
        : base(plan.Measured!, new ModelDeclaration(plan.Name, plan.Declaration.Location), null) => (_plan, _step) = (plan, step);

    public override string Phase => $"merge in memory ({_step})";

    private bool IsSearched => _plan.Importance!.Factor is { Declaration.Value: null };

    /// <summary>The factor, and for each task the scores of the samples that decide and of those that are held.</summary>
    public (double Factor, IReadOnlyList<(double[] Deciding, double[] Held)> Tasks) Result(ScoringContext context)
    {
        var lists = ScoreFile.Read(context.PathOf(this));
        return (lists["factor"][0], [.. _plan.Importance!.Tasks.Select((_, i) => (lists[$"deciding.{i}"], lists[$"held.{i}"]))]);
    }

    internal override ScoreWork Work()
    {
        var tasks = _plan.Importance!.Tasks;
        var (deciding, held) = (
            tasks.Sum(task => task.Base.Tokens(task.Base.Share)),
            tasks.Sum(task => task.Base.Share == SampleShare.All ? 0 : task.Base.Tokens(SampleShare.Held)));

        // Held samples run once, deciding ones for every factor that is tried.
        return IsSearched
            ? ScoreWork.Forward(UsualClimb + (deciding > 0 ? held / (double)deciding : 0), deciding, isSearch: true)
            : ScoreWork.Forward(1, deciding + held);
    }

    internal override void Compute(ScoringContext context, string path)
    {
        var tasks = _plan.Importance!.Tasks;
        using var importance = LoadedImportance.Load(_plan, context with { Progress = QuietProgress.Of(context.Progress) });
        using var merged = new MergedInMemory(_plan, importance, context);
        var runs = new List<TaskRuns>();
        try
        {
            foreach (var task in tasks)
                runs.Add(TaskRuns.Open(task, runs, context));
            var (deciding, held) = (runs.Sum(run => run.Deciding.Tokens), runs.Sum(run => run.Held?.Tokens ?? 0));
            context.Progress.Scoring(
                Model.Label,
                Phase,
                0,
                IsSearched
                    ? $"about 5 forward passes × {deciding} tokens, one over {held}"
                    : $"one forward pass over {deciding + held} tokens");
            var known = new Dictionary<double, double[][]>();
            double[][] Measured(double factor) =>
                known.TryGetValue(factor, out var scores)
                    ? scores
                    : known[factor] = Each(merged, runs, factor, run => run.Deciding, context);
            var factor = importance.Factor;
            if (IsSearched)
            {
                var climb = new HillClimb(Factors, value => MeanRecovery(tasks, Measured(value), context) ?? 0);
                factor = Factors[climb.SmallestWithin(climb.Peak(FirstFactor), Tolerance)];
                if (MeanRecovery(tasks, Measured(factor), context) is null)
                    factor = 1;
            }

            // What is merged has a fixed factor in it already.
            var rest = IsSearched ? factor : 1;
            var decided = Measured(rest);
            var kept = Each(merged, runs, rest, run => run.Held, context);
            ScoreFile.Write(path, Key,
            [
                ("factor", [factor]),
                ("tried",
                    [
                        .. known.OrderBy(pair => pair.Key)
                            .SelectMany(pair => new[] { pair.Key, MeanRecovery(tasks, pair.Value, context) ?? double.NaN })
                    ]),
                .. decided.Select((scores, i) => ($"deciding.{i}", scores)),
                .. kept.Select((scores, i) => ($"held.{i}", scores)),
            ]);
        }
        finally
        {
            foreach (var run in runs.Where(run => run.IsOwner))
                run.Loaded.Dispose();
        }
    }

    // Over the tasks on which fine-tuning gained something.
    private static double? MeanRecovery(IReadOnlyList<TaskMeasure> tasks, double[][] scores, ScoringContext context)
    {
        var recoveries = tasks.Select((task, i) =>
            (Base: task.BaseScore.Result(context).Deciding.Average(),
                Tuned: task.TunedScore.Result(context).Deciding.Average(),
                Own: scores[i].Average()))
            .Where(task => task.Tuned > task.Base).Select(task => (task.Own - task.Base) / (task.Tuned - task.Base)).ToList();
        return recoveries.Count == 0 ? null : recoveries.Average();
    }

    // Tasks that see the same base run one model after the other.
    private static double[][] Each(
        MergedInMemory merged, List<TaskRuns> runs, double factor, Func<TaskRuns, TaskMetric?> metric, ScoringContext context)
    {
        var scores = new double[runs.Count][];
        foreach (var group in runs.Select((run, i) => (Run: run, Index: i)).GroupBy(pair => pair.Run.Loaded))
        {
            if (group.All(pair => metric(pair.Run) is null or { Samples: 0 }))
            {
                foreach (var (_, index) in group)
                    scores[index] = [];
                continue;
            }

            using var model = merged.In(group.Key.Model, factor);
            foreach (var (run, index) in group)
                scores[index] = metric(run)?.Each(model, context) ?? [];
        }

        return scores;
    }

    private sealed record TaskRuns(RunnableModel Of, LoadedModel Loaded, bool IsOwner, TaskMetric Deciding, TaskMetric? Held)
    {
        public static TaskRuns Open(TaskMeasure task, List<TaskRuns> others, ScoringContext context)
        {
            var same = others.Find(other =>
                other.Of.PutIn is null && task.Merged.PutIn is null && other.Of.Model == task.Merged.Model);
            var loaded = same?.Loaded ?? task.Merged.Load(context.Engine);
            return new TaskRuns(
                task.Merged,
                loaded,
                same is null,
                task.Base.Metric(loaded.Model),
                task.Base.Share == SampleShare.All ? null : task.Base.Metric(loaded.Model, SampleShare.Held));
        }
    }
}
