using System.Globalization;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Options;
using MergeTasks.Language.Searching;

namespace MergeTasks.Merging.Searching;

/// <summary>What the best candidate is compared with.</summary>
/// <param name="Name">For people.</param>
/// <param name="IsModel">Whether it is one of the models, and no merge.</param>
/// <param name="Selecting">Scores of the items that choose, of each file.</param>
/// <param name="Held">Scores of the items that are held out, of each file.</param>
internal sealed record Measured(string Name, bool IsModel, IReadOnlyList<double[]> Selecting, IReadOnlyList<double[]> Held);

/// <summary>The best candidate beside the models, the plain average, and the merge as it is declared.</summary>
/// <param name="search">The search.</param>
/// <param name="others">What it is compared with.</param>
/// <param name="best">The best candidate.</param>
/// <param name="selecting">The objective on the items that choose.</param>
/// <param name="held">The objective on the items that are held out.</param>
internal sealed class SearchComparison(
    SearchDeclaration search, IReadOnlyList<Measured> others, Measured best, SearchScale selecting, SearchScale held)
{
    /// <summary>The name of the best candidate among the figures.</summary>
    public const string Best = "best";

    /// <summary>The name of the plain average.</summary>
    public const string PlainAverage = "plain average";

    /// <summary>The name of the merge as it is declared.</summary>
    public const string AsDeclared = "as declared";

    /// <summary>The figures, the best candidate's last.</summary>
    public IReadOnlyList<SearchFigure> Figures() =>
    [
        .. others.Select(other => Figure(other) is var figure && held.Interval(best.Held, other.Held) is var (low, high)
            ? figure with
            {
                Gain = Rounded(held.Objective(best.Held) - held.Objective(other.Held)), GainLow = Rounded(low), GainHigh = Rounded(high),
            }
            : null!),
        Figure(best),
    ];

    /// <summary>
    /// That the best candidate does not beat the best model, or the plain average, on items that the search has not seen; nothing where it
    /// does with 95 %.
    /// </summary>
    public IEnumerable<Diagnostic> Warnings(IReadOnlyList<SearchFigure> figures)
    {
        var single = others.Where(other => other.IsModel).MaxBy(other => selecting.Objective(other.Selecting));
        foreach (var (name, what) in new[]
        {
            (single?.Name, $"the best single model, '{single?.Name}'"), (PlainAverage, "the plain average"),
        })
        {
            if (figures.FirstOrDefault(figure => figure.Model == name) is not { GainLow: <= 0 } figure)
                continue;
            yield return new Diagnostic(
                DiagnosticCode.NothingBeats,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"MergeSearch '{search.Merge}': no candidate beats {what}: on items that the search has not seen, the best one's "
                        + $"{OptionKind.NameOf(search.Objective)} is {(figure.Gain > 0 ? "larger" : "not larger")}, "
                        + $"by {figure.Gain:+0.000;-0.000;0} "
                        + $"(95 %: {figure.GainLow:+0.000;-0.000;0} to {figure.GainHigh:+0.000;-0.000;0})."),
                search.Location,
                IsWarning: true);
        }
    }

    private SearchFigure Figure(Measured of) => held.Interval(of.Held) is var (low, high)
        ? new SearchFigure(
            of.Name,
            Rounded(selecting.Objective(of.Selecting)),
            Rounded(held.Objective(of.Held)),
            Rounded(low),
            Rounded(high))
        : null!;

    private static double Rounded(double value) => double.IsFinite(value) ? Math.Round(value, 6) : value;
}
