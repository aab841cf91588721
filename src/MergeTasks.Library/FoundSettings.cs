using MergeTasks.Language.Searching;

namespace MergeTasks.Library;

/// <summary>One setting that a search has chosen.</summary>
/// <param name="Name">Its name as metadata, such as <c>Lambda</c>.</param>
/// <param name="Source">The model whose setting it is; <see langword="null"/>: the merge's.</param>
/// <param name="Value">Its value as metadata.</param>
public sealed record FoundSetting(string Name, string? Source, string Value);

/// <summary>
/// What a search's objective is for one model or merge, larger being better. Intervals are those of 95 %, by bootstrap over items.
/// </summary>
/// <param name="Model">A model, <c>plain average</c>, <c>as declared</c>, or <c>best</c>.</param>
/// <param name="Selecting">On the items that the search has seen.</param>
/// <param name="HeldOut">On the items that it has not.</param>
/// <param name="Low">The lower end of the interval of <paramref name="HeldOut"/>.</param>
/// <param name="High">The upper end.</param>
/// <param name="Gain">How much the best is better on held-out items; <see langword="null"/> for the best itself.</param>
/// <param name="GainLow">The lower end of the interval of <paramref name="Gain"/>.</param>
/// <param name="GainHigh">The upper end.</param>
public sealed record FoundFigures(
    string Model, double Selecting, double HeldOut, double Low, double High, double? Gain, double? GainLow, double? GainHigh);

/// <summary>What a search has found for a merge.</summary>
/// <param name="Merge">The merge's name.</param>
/// <param name="File">Full path of the file that holds it, to be committed.</param>
/// <param name="Settings">The settings.</param>
/// <param name="Figures">The comparison, the best last.</param>
public sealed record FoundSettings(
    string Merge, string File, IReadOnlyList<FoundSetting> Settings, IReadOnlyList<FoundFigures> Figures)
{
    internal static FoundSettings From(SearchDeclaration search, SearchRecord found) => new(
        found.Merge,
        search.File,
        [.. found.Settings.Select(setting => new FoundSetting(setting.Name, setting.Source, setting.Value))],
        [
            .. found.Figures.Select(figure => new FoundFigures(
                figure.Model, figure.Selecting, figure.HeldOut, figure.Low, figure.High, figure.Gain, figure.GainLow, figure.GainHigh)),
        ]);
}
