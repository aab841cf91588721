namespace MergeTasks.Merging.Planning.Importance;

/// <summary>What scoring found and decided for one merge.</summary>
/// <param name="Models">Each scored model.</param>
internal sealed record ImportanceReport(IReadOnlyList<ModelReport> Models)
{
    /// <summary>The merge beside the same merge with fewer steps; absent where that was not measured.</summary>
    public CheckReport? Check { get; init; }
}

/// <summary>A merge and the same merge with fewer steps, measured on its models' tasks.</summary>
/// <param name="Steps">From the plain merge to the merge itself, each with one step more.</param>
/// <param name="Factor">The factor of the merged change of what was made.</param>
/// <param name="LeftOut">What was left out, because on the samples that decide the merge is not better with it beyond chance: one of the
/// names below; absent where nothing was.</param>
internal sealed record CheckReport(IReadOnlyList<StepReport> Steps, double Factor, string? LeftOut)
{
    /// <summary>The step that pulls towards the base.</summary>
    public const string Aim = "AIM";

    /// <summary>The step that keeps a part of the changes.</summary>
    public const string Apl = "APL";

    /// <summary>Both.</summary>
    public const string Both = "APL and AIM";
}

/// <summary>
/// A merge, measured on its models' tasks. Recovery is the share of a fine-tuned model's gain in log-probability over the base that the
/// merge keeps.
/// </summary>
/// <param name="Step">The step that it has more than the one before: <c>plain</c>, <c>APL</c> or <c>AIM</c>.</param>
/// <param name="Factor">The factor of its merged change.</param>
/// <param name="Recovery">Mean over tasks, on the samples that decided the factor; absent where no task has a gain.</param>
internal sealed record StepReport(string Step, double Factor, double? Recovery)
{
    /// <summary>Mean recovery over tasks, on the samples that nothing was decided by; absent where there are none.</summary>
    public double? Held { get; init; }

    /// <summary>That of each task, by model.</summary>
    public IReadOnlyDictionary<string, double>? HeldByTask { get; init; }

    /// <summary>How much more <see cref="Held"/> is than before the step; absent for the first.</summary>
    public double? Change { get; init; }

    /// <summary>Half the width of the 95 % interval of <see cref="Change"/>, from differences sample by sample.</summary>
    public double? Within { get; init; }
}

/// <summary>What a model keeps of its changes.</summary>
/// <param name="Density">The density: at least so large a share of all elements.</param>
/// <param name="Kept">The share of all elements that is kept; elements that did not change are not.</param>
/// <param name="Scale">The factor of what is kept.</param>
/// <param name="Recovery">The share of the model's gain on its task that the base with the kept changes has; absent where it was not
/// measured.</param>
internal sealed record ChangeReport(double Density, double Kept, double Scale, double? Recovery);

/// <summary>What APL found for one model.</summary>
/// <param name="Model">As the user named it.</param>
/// <param name="Importance">Importance of all its changes together, where it was scored.</param>
/// <param name="Weight">Its merging weight, where importance sets it.</param>
/// <param name="Changed">Elements that differ from the base.</param>
/// <param name="Kept">The share of them that is kept, by layer; absent where nothing is dropped.</param>
/// <param name="Verified">How well the approximation agrees with exact interventions, by level; absent where that was not asked
/// for.</param>
internal sealed record ModelReport(
    string Model,
    double? Importance,
    double? Weight,
    long Changed,
    IReadOnlyDictionary<string, double>? Kept,
    IReadOnlyDictionary<string, Agreement>? Verified)
{
    /// <summary>Density and factor of what is kept; absent where the settings alone decide them.</summary>
    public ChangeReport? Change { get; init; }
}


/// <summary>How approximated importances agree with exact ones.</summary>
/// <param name="Spearman">Rank correlation.</param>
/// <param name="RelativeError">‖approximate − exact‖ / ‖exact‖.</param>
internal sealed record Agreement(double Spearman, double RelativeError)
{
    /// <summary>Compares two lists of importances of the same parts.</summary>
    public static Agreement Of(IReadOnlyList<double> approximate, IReadOnlyList<double> exact)
    {
        ArgumentNullException.ThrowIfNull(approximate);
        ArgumentNullException.ThrowIfNull(exact);
        var error = Math.Sqrt(approximate.Zip(exact, (a, e) => (a - e) * (a - e)).Sum());
        var size = Math.Sqrt(exact.Sum(e => e * e));
        return new Agreement(Correlation(Ranks(approximate), Ranks(exact)), size > 0 ? error / size : error > 0 ? 1 : 0);
    }

    // Equal values share the mean of their ranks.
    private static double[] Ranks(IReadOnlyList<double> values)
    {
        var ranks = new double[values.Count];
        var order = Enumerable.Range(0, values.Count).OrderBy(i => values[i]).ToList();
        for (var first = 0; first < order.Count;)
        {
            var end = first;
            while (end < order.Count && values[order[end]] == values[order[first]])
                end++;
            for (var i = first; i < end; i++)
                ranks[order[i]] = (first + end - 1) / 2.0;
            first = end;
        }

        return ranks;
    }

    // Where one list is constant there is no order to agree with: 1 if both are, else 0.
    private static double Correlation(double[] a, double[] b)
    {
        if (a.Length == 0)
            return 1;
        var (meanA, meanB) = (a.Average(), b.Average());
        var covariance = a.Zip(b, (x, y) => (x - meanA) * (y - meanB)).Sum();
        var (spreadA, spreadB) = (a.Sum(x => (x - meanA) * (x - meanA)), b.Sum(y => (y - meanB) * (y - meanB)));
        return spreadA > 0 && spreadB > 0 ? covariance / Math.Sqrt(spreadA * spreadB) : spreadA == spreadB ? 1 : 0;
    }
}
