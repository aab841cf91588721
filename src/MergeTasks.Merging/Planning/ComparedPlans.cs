using MergeTasks.Caching;
using MergeTasks.Merging.Planning.Importance;
using MergeTasks.Merging.Planning.Tensors;
using MergeTasks.Numerics.Algebra;

namespace MergeTasks.Merging.Planning;

/// <summary>
/// Plans what a merge that checks itself is compared with: the same merge with fewer of the steps that scores decide.
/// </summary>
/// <param name="plan">The merge's own plan.</param>
/// <param name="workers">Threads that will merge.</param>
/// <param name="device">Where methods on whole matrices compute; <see langword="null"/>: on the processor.</param>
/// <param name="cancellation">Ends digesting.</param>
internal sealed class ComparedPlans(MergePlan plan, int workers, IMatrixDevice? device, CancellationToken cancellation)
{
    /// <summary>The plan with those that it is compared with.</summary>
    public MergePlan Plan() => FailingSafe(plan with { Simpler = [.. Simpler()] });

    // Without AIM and APL, then with APL alone where both are asked for.
    private IEnumerable<(string Step, MergePlan Plan)> Simpler()
    {
        if (!plan.Declaration.ChecksItself
            || plan.Importance is not { Tasks.Count: > 0 } importance
            || (importance.Aim is null && importance.Apl is null))
            yield break;
        yield return ("plain", With(importance with { Aim = null, Apl = null }));
        if (importance is { Aim: not null, Apl: not null })
            yield return ("APL", With(importance with { Aim = null }));
    }

    // Where the density is the build's to choose, it may find that several models merge as well with all of their changes; where ω is, that
    // they do as well without being pulled back. What a tensor holds then depends on what was measured, and so does its key.
    private MergePlan FailingSafe(MergePlan compared)
    {
        if (compared.Simpler.Count == 0)
            return compared;
        var importance = plan.Importance!;
        var mayLoseApl = importance.Apl is
        {
            Models.Count: > 1, Declaration: { Density: null, DropLevel: not null, SetsWeights: false }
        };
        var mayLoseAim = importance.Aim is { Declaration.IsAuto: true };
        var without = new Dictionary<string, MergePlan>();
        if (mayLoseApl)
            without[CheckReport.Apl] = importance.Aim is null ? compared.Simpler[0].Plan : With(importance with { Apl = null });
        if (mayLoseAim)
            without[CheckReport.Aim] = compared.Simpler[^1].Plan;
        if (mayLoseApl && mayLoseAim)
            without[CheckReport.Both] = compared.Simpler[0].Plan;
        if (without.Count == 0)
            return compared;
        var measured = string.Join(' ', compared.Simpler.Select(simpler => simpler.Plan).Append(plan)
            .Concat(mayLoseApl ? [without[CheckReport.Apl]] : []).Select(one => one.Measured!.Digest));
        var steps = mayLoseApl ? mayLoseAim ? CheckReport.Both : CheckReport.Apl : CheckReport.Aim;
        return compared with
        {
            Without = without,
            Tensors = [
                .. plan.Tensors.Select(tensor =>
                    tensor.IsMerged ? tensor with { Key = ContentDigest.Of($"{tensor.Key}\nor without {steps} beyond chance {measured}") } : tensor)
            ],
        };
    }

    private MergePlan With(ImportancePlan fewer)
    {
        var planner = new TensorPlanner(plan.Declaration, plan.Method, plan.Layout, fewer, workers) { Device = device };
        var tensors = planner.Plan(cancellation);
        return plan with { Tensors = tensors, Importance = fewer, Measured = planner.Measured, Simpler = [] };
    }
}
