using System.CommandLine;
using MergeTasks.Language.Options;
using MergeTasks.Library;
using MergeTasks.Tool.Terminal;

namespace MergeTasks.Tool.Commands;

/// <summary><c>plan</c>: what <c>merge</c> would do, and why.</summary>
internal sealed class PlanCommand : ToolCommand
{
    private readonly RecipeOptions _recipe;

    public PlanCommand(Streams streams)
        : base("plan", "Check a recipe and say what merging it would do, without merging.", streams) =>
        _recipe = new RecipeOptions(this, needsOutput: false);

    protected override int Run(ParseResult parsed, Screen screen, CancellationToken cancellation)
    {
        var plans = _recipe.Project(parsed, screen, out _).Plan(cancellation);
        foreach (var warning in plans.SelectMany(plan => plan.Warnings))
            screen.Problem(warning);
        Show(screen, plans, "to merge");
        return ExitCode.Done;
    }

    /// <summary>Shows merges: planned, or as they were found when they were made.</summary>
    internal static void Show(Screen screen, IReadOnlyList<PlannedMerge> plans, string what) => screen.Show(
        new
        {
            merges = plans.Select(plan => new
            {
                name = plan.Name,
                method = plan.Method,
                folder = plan.OutputFolder,
                isUpToDate = plan.IsUpToDate,
                tensors = plan.Tensors,
                staleTensors = plan.StaleTensors,
                bytesToWrite = plan.BytesToWrite,
                reasons = plan.Reasons,
                warnings = plan.Warnings,
            }),
        },
        () =>
        {
            foreach (var plan in plans)
                screen.Line(plan.IsUpToDate
                    ? $"{plan.Name}: up to date in {plan.OutputFolder}."
                    : $"{plan.Name}: {plan.StaleTensors} of {plan.Tensors} tensors {what} by {plan.Method}, "
                        + $"{ByteSize.Format(plan.BytesToWrite)} in {plan.OutputFolder}, because {string.Join("; ", plan.Reasons)}.");
        });
}
