using MergeTasks.Language.Searching;

namespace MergeTasks.Merging.Searching;

/// <summary>Settings that are tried, and what is known of them so far.</summary>
/// <param name="Index">Its place among those that are tried, from 0.</param>
/// <param name="Point">Its coordinates.</param>
/// <param name="Settings">Its settings.</param>
internal sealed record SearchCandidate(int Index, double[] Point, SearchedSettings Settings)
{
    // Fewer say nothing about what is usual.
    private const int FewestToCompare = 4;

    /// <summary>Scores of each file's items so far.</summary>
    public IReadOnlyList<double[]> Scores { get; private init; } = [];

    /// <summary>The objective after each step.</summary>
    public IReadOnlyList<double> Objectives { get; private init; } = [];

    /// <summary>How much guards are missed by, after each step; 0: not at all.</summary>
    public IReadOnlyList<double> Violations { get; private init; } = [];

    /// <summary>The last of the same.</summary>
    public double Violation => Violations.Count == 0 ? 0 : Violations[^1];

    /// <summary>Why it cannot be made; <see langword="null"/>: it can.</summary>
    public string? Reason { get; init; }

    /// <summary>Whether it was measured on all items.</summary>
    public bool IsComplete => Reason is null && Objectives.Count == SearchRun.Steps.Count;

    /// <summary>The share of the items that it was measured on.</summary>
    public double Share => Objectives.Count == 0 ? 0 : SearchRun.Steps[Objectives.Count - 1];

    /// <summary>What is kept of it.</summary>
    public TriedCandidate Told => new(
        Settings.ToString(), Share, Objectives.Count == 0 || Reason is not null ? null
            : double.IsFinite(Objectives[^1]) ? Math.Round(Objectives[^1], 6) : Objectives[^1])
    {
        MissesGuard = Violation > 0 ? true : null,
    };

    /// <summary>The same after one more step.</summary>
    public SearchCandidate With(IReadOnlyList<double[]> scores, double objective, double violation) => this with
    {
        Scores = scores,
        Objectives = [.. Objectives, objective],
        Violations = [.. Violations, violation],
    };

    /// <summary>
    /// Whether it does worse than half of those that came as far, itself among them; guards come before the objective, because what misses
    /// one by more is of less use, however good it is elsewhere.
    /// </summary>
    /// <param name="tried">Those before it.</param>
    public bool FallsBehind(IReadOnlyList<SearchCandidate> tried)
    {
        var step = Objectives.Count - 1;
        var others = tried.Where(other => other.Objectives.Count > step).Append(this)
            .OrderByDescending(other => other.Violations[step]).ThenBy(other => other.Objectives[step]).ToList();
        var middle = others[others.Count / 2];
        return others.Count >= FewestToCompare
            && (Violations[step] > middle.Violations[step]
                || (Violations[step] == middle.Violations[step] && Objectives[step] < middle.Objectives[step]));
    }
}
