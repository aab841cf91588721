using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Naming;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Importance;
using MergeTasks.Merging.Planning.Layout;
using MergeTasks.Methods.Contract;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Merging.Planning.Importance;

/// <summary>
/// Works out which scores a merge needs and their keys, and checks that they can be computed; runs no model and reads no weights.
/// </summary>
internal sealed class ImportancePlanner(ScoredMerge merge)
{
    /// <summary>Plans.</summary>
    /// <exception cref="DiagnosticException">What cannot be scored, and why.</exception>
    public ImportancePlan Plan()
    {
        var (aim, apl, asked) = (merge.Declaration.Aim, merge.Declaration.Apl, merge.Declaration.Factor);
        var none = new ImportancePlan(merge.Base.Declaration, merge.Base.Input)
        {
            Participants = [.. merge.Participants.Select(model => model.Declaration)],
            IsOfWholes = merge.Declaration.IsWhole,
            Statistics = merge.Method.Statistic == ModelStatistic.None ? null : new StatisticPlanner(merge).Plan(),
        };
        if (aim is null && apl is null && (asked is null || (!asked.IsExplicit && !CanDescribe())))
            return none;
        var description = merge.Measurable.Describe(merge.Base);
        var taskPlanner = new TaskPlanner(merge, description, asked is { IsExplicit: true, Value: null });
        var aplPlanner = apl is null ? null : new AplPlanner(merge, apl, taskPlanner);
        aplPlanner?.RequireFits();
        var factor = asked is null ? null : PlanFactor(asked, taskPlanner);
        var isMeasured = factor is { Declaration.Value: null } || (merge.Declaration.ChecksItself && (aim is not null || apl is not null));
        var mustMeasure = apl is not null || factor is { Declaration: { Value: null, IsExplicit: true } };
        var sides = apl is null && !isMeasured ? [] : taskPlanner.Sides(mustMeasure);
        var tasks = isMeasured && sides.TrueForAll(taskPlanner.RunsOutput) ? sides.ConvertAll(taskPlanner.Measure) : [];
        if (factor is { Declaration: { Value: null, IsExplicit: true } } && tasks.Count < sides.Count)
            throw merge.Measurable.Fault(
                DiagnosticCode.UnsuitableScoring,
                "the output predicts something else than its models' tasks ask for, so MergeFactor \"task\" cannot be chosen on them. Set a "
                    + "number, or off.",
                factor.Declaration.Location);
        return none with
        {
            Factor = factor,
            Tasks = tasks,
            Aim = aim is null ? null : new AimPlanner(merge).Plan(aim, description),
            Apl = apl is null
                ? null
                : new AplPlan(apl, [.. sides.Select((side, i) => aplPlanner!.Plan(side, tasks.Count > 0 ? tasks[i] : null))]),
            WithoutBase = [.. merge.Layout.Tensors.Where(tensor => IsWithoutBase(none, tensor)).Select(tensor => tensor.Name)],
        };
    }

    private bool CanDescribe()
    {
        try
        {
            return merge.Measurable.Describe(merge.Base) is not null;
        }
        catch (DiagnosticException)
        {
            return false;
        }
    }

    // A factor that nobody asked for is chosen where it can be.
    private FactorPlan? PlanFactor(FactorDeclaration factor, TaskPlanner tasks)
    {
        if (factor is { IsExplicit: true, Value: null })
            merge.RequireTaskData("MergeFactor \"task\"", merge.Tuned.Select(tuned => tuned.Model));
        return factor.IsExplicit || tasks.CanMeasureAll ? new FactorPlan(factor) : null;
    }

    private bool IsWithoutBase(ImportancePlan plan, LayoutTensor tensor) => !TensorNames.IsBuffer(tensor.Name) && (plan.IsOfWholes
        ? merge.Participants.Any(model => model.Input.Find(tensor.Name) is { } own
            && own.DType.IsFloatingPoint()
            && !merge.BaseHas(tensor.Name, own.Shape))
        : tensor.Sources.Count > 0 && plan.BaseTensorOf(tensor) is null);
}
