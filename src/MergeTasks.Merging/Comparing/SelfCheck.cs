using System.Globalization;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Locating;
using MergeTasks.Merging.Measuring;
using MergeTasks.Merging.Planning;
using MergeTasks.Merging.Planning.Importance;

namespace MergeTasks.Merging.Comparing;

/// <summary>
/// Compares a merge with the same merge with fewer steps, sample by sample: leaves out steps that are not seen to help, and tells of steps
/// that made it worse. Seen to help is what, on the samples that decide, recovers more with 95 % certainty, and by more than the choice of
/// the factor takes for no difference: of two merges that cannot be told apart the simpler one is made.
/// </summary>
internal static class SelfCheck
{
    /// <summary>What it measures, as far as that is known before: every step that is taken.</summary>
    public static IEnumerable<ScoreRequest> Requests(MergePlan plan) => plan.Measured is null
        ? []
        : Steps(plan).Select(step => new MergedScoreRequest(step.Plan, step.Step));

    /// <summary>Measures, as far as the store lacks it.</summary>
    public static CheckReport Run(MergePlan plan, ScoringContext context)
    {
        var gains = plan.Importance!.Tasks.Select(task => Gain.Of(task, context)).ToList();
        var reports = new List<StepReport>();
        IReadOnlyList<double[]> before = [];
        IReadOnlyList<double[]> decided = [];
        var (factor, leftOut) = (1.0, new List<string>());
        foreach (var (name, own) in Steps(plan))
        {
            var result = new MergedScoreRequest(leftOut.Count > 0 ? plan.Without[leftOut[0]] : own, name).Result(context);
            var held = result.Tasks.Select((task, i) => gains[i].HeldRecovery(task.Held)).ToList();
            var deciding = result.Tasks.Select((task, i) => gains[i].Recovery(task.Deciding)).ToList();
            var report = new StepReport(
                name, result.Factor, Rounded(Mean(deciding.Select(task => task.Length > 0 ? task.Average() : (double?)null))));
            var isLeftOut = plan.Without.ContainsKey(name) && (report.Recovery is null
                || !PairedDifference.Exceeds(PairedDifference.Between(decided, deciding), MergedScoreRequest.Tolerance));
            if (held.Exists(task => task.Length > 0))
            {
                report = report with
                {
                    Held = Rounded(Mean(held.Select(task => task.Length > 0 ? task.Average() : (double?)null))),
                    HeldByTask = gains.Zip(held)
                        .Where(pair => pair.Second.Length > 0)
                        .DistinctBy(pair => pair.First.Model)
                        .ToDictionary(pair => pair.First.Model, pair => Rounded(pair.Second.Average())!.Value),
                };
                if (before.Count > 0)
                    report = Compared(
                        plan, report, before, held, isLeftOut ? context with { Progress = QuietProgress.Of(context.Progress) } : context);
            }

            reports.Add(report);
            if (isLeftOut)
            {
                leftOut.Add(name);
                continue;
            }

            // The next step is added to what is made, and not to what is left out.
            (before, decided, factor) = (held.Exists(task => task.Length > 0) ? held : [], deciding, result.Factor);
        }

        Tell(plan, reports, leftOut, context);
        return new CheckReport(reports, factor, leftOut switch { [] => null, [var step] => step, _ => CheckReport.Both });
    }

    private static IEnumerable<(string Step, MergePlan Plan)> Steps(MergePlan plan) => plan.Simpler.Append((
        plan.Importance switch { { Aim: not null } => CheckReport.Aim, { Apl: not null } => CheckReport.Apl, _ => "plain" }, plan));

    private static StepReport Compared(
        MergePlan plan, StepReport report, IReadOnlyList<double[]> before, IReadOnlyList<double[]> held, ScoringContext context)
    {
        var (change, within) = PairedDifference.Of(PairedDifference.Between(before, held));

        // A single model is pruned to a share of its gain, which is no mistake of the density.
        var asked = report.Step == CheckReport.Apl && plan.Importance!.Apl is { Models.Count: 1, Declaration.Density: null }
            ? 1 - KeptChangeRequest.Sufficient
            : 0;
        if (change + within < -asked)
        {
            var advice = report.Step == CheckReport.Aim
                ? "Set a larger Aim (1 leaves the merge as it is), AimNormalization=\"max\", Aim=\"auto\", or Aim=\"off\"."
                : "Set AplDensity=\"auto\" or a larger one, AplTau1=\"inf\", or Apl=\"off\".";
            context.Progress.Warn(new Diagnostic(DiagnosticCode.WorseStep,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"Merge '{plan.Name}': {report.Step} made it worse on its models' tasks: "
                        + $"recovery {report.Held:0.000}, {change:+0.000;-0.000} ± {within:0.000} (95 %). {advice}"),
                report.Step == CheckReport.Aim
                    ? plan.Importance!.Aim!.Declaration.Location
                    : plan.Importance!.Apl!.Declaration.Location, IsWarning: true));
        }

        return report with { Change = Rounded(change), Within = Rounded(within) };
    }

    private static void Tell(MergePlan plan, List<StepReport> reports, List<string> leftOut, ScoringContext context)
    {
        foreach (var report in reports)
        {
            var held = report.Held is { } value ? string.Create(CultureInfo.InvariantCulture, $", on held samples {value:0.000}") : "";
            var change = report.Change is { } difference
                ? string.Create(CultureInfo.InvariantCulture, $" ({difference:+0.000;-0.000} ± {report.Within:0.000})")
                : "";
            context.Progress.Note(string.Create(CultureInfo.InvariantCulture,
                $"{plan.Name}, {(report.Step == "plain" ? "plain" : "with " + report.Step)}: factor {report.Factor:0.##}, "
                    + $"recovery {report.Recovery:0.000} on samples that decided{held}{change}."));
        }

        foreach (var step in leftOut)
            context.Progress.Note(
                $"{plan.Name}: {step} is left out, because on the samples that decided the merge is not better with it beyond chance. A number as "
                    + $"{(step == CheckReport.Aim ? "Aim" : "AplDensity")} keeps it in any case.");
    }

    private static double? Mean(IEnumerable<double?> values) =>
        values.OfType<double>().ToList() is { Count: > 0 } known ? known.Average() : null;

    private static double? Rounded(double? value) => value is { } number && double.IsFinite(number) ? Math.Round(number, 5) : null;

    // What fine-tuning gained on a task, on either share of its samples.
    private sealed record Gain(string Model, double[] BaseDeciding, double TunedDeciding, double[] BaseHeld, double TunedHeld)
    {
        public static Gain Of(TaskMeasure task, ScoringContext context)
        {
            var (baseScore, tuned) = (task.BaseScore.Result(context), task.TunedScore.Result(context));
            return new Gain(
                task.Declaration.Label,
                baseScore.Deciding,
                tuned.Deciding.Average(),
                baseScore.Held,
                tuned.Held.Length > 0 ? tuned.Held.Average() : double.NaN);
        }

        public double[] Recovery(double[] scores) => OfEach(scores, BaseDeciding, TunedDeciding);

        public double[] HeldRecovery(double[] scores) => OfEach(scores, BaseHeld, TunedHeld);

        // Of each sample, so that their mean is the task's; none where the task has no gain there.
        private static double[] OfEach(double[] scores, double[] baseScores, double tuned) =>
            baseScores.Length > 0 && tuned - baseScores.Average() is var gain and > 0
                ? [.. scores.Zip(baseScores, (score, baseScore) => (score - baseScore) / gain)]
                : [];
    }
}
