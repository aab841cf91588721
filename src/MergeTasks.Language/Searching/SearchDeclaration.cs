using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Importance;
using MergeTasks.Language.Options;

namespace MergeTasks.Language.Searching;

/// <summary>What makes one candidate better than another.</summary>
internal enum SearchObjective
{
    /// <summary>
    /// The mean over files of 1 − (L − L₁)/(L₀ − L₁), where L is the mean −ln p, L₁ that of the model that does best on the file and L₀
    /// that of the base, or without one of the model that does worst: 0 is as good as the base, 1 as the best model of each file.
    /// </summary>
    MeanRecovery,

    /// <summary>The smallest of the same.</summary>
    MinRecovery,

    /// <summary>The mean over files of the mean ln p.</summary>
    MeanLogProbability,
}

/// <summary>A file on which a candidate must not be much worse.</summary>
/// <param name="Data">One of the files of the search.</param>
/// <param name="Least">The smallest 1 − L/L₀ that is allowed, L₀ that of the base, or without one of the best model.</param>
internal sealed record SearchGuard(DataFile Data, double Least);

/// <summary>A search for the best settings of a merge.</summary>
/// <param name="Merge">Name of the merge.</param>
/// <param name="Location">Where it is declared.</param>
internal sealed record SearchDeclaration(string Merge, SourceLocation Location)
{
    /// <summary>The options.</summary>
    public static IReadOnlyList<MergeOption<SearchDeclaration>> Options { get; } =
    [
        Row("Budget", OptionKind.Whole(2, 100_000), 40,
            "How many candidates are tried.",
            search => search.Budget, (search, value) => search with { Budget = value }),
        Row("Objective", OptionKind.Choice<SearchObjective>(), SearchObjective.MeanRecovery,
            "What makes a candidate better: the mean over files of how much of the way from the base's loss to the best model's of "
                + "that file it recovers, the worst file's, or the mean log-probability.",
            search => search.Objective, (search, value) => search with { Objective = value }),
        Row("Seed", OptionKind.Seed, 0,
            "Decides everything that is random in the search; the same seed finds the same settings.",
            search => search.Seed, (search, value) => search with { Seed = value }),
        Row("HeldOut", OptionKind.Number(0.1, 0.9), 0.5,
            "Share of each file's items that the search does not see, and on which its result is measured.",
            search => search.HeldOut, (search, value) => search with { HeldOut = value }),
        Row("TokensPerText", OptionKind.Whole(1, 1 << 20), 512,
            "Most tokens of a text.",
            search => search.TokensPerText, (search, value) => search with { TokensPerText = value }),
    ];

    /// <summary>How many candidates are tried.</summary>
    public int Budget { get; init; }

    /// <summary>What makes a candidate better.</summary>
    public SearchObjective Objective { get; init; }

    /// <summary>Decides everything that is random.</summary>
    public long Seed { get; init; }

    /// <summary>Share of each file's items that the search does not see.</summary>
    public double HeldOut { get; init; }

    /// <summary>Most tokens of a text.</summary>
    public int TokensPerText { get; init; }

    /// <summary>The files of texts or samples.</summary>
    public IReadOnlyList<DataFile> Data { get; init; } = [];

    /// <summary>Those on which candidates must not be much worse.</summary>
    public IReadOnlyList<SearchGuard> Guards { get; init; } = [];

    /// <summary>The settings that are tried.</summary>
    public IReadOnlyList<SearchAxis> Axes { get; init; } = [];

    /// <summary>Full path of the file that holds what was found.</summary>
    public string File { get; init; } = "";

    /// <summary>What it holds; <see langword="null"/>: there is none.</summary>
    public SearchRecord? Found { get; init; }

    /// <summary>Some candidate, for whoever must have one: the first value of every axis, or a number within its range.</summary>
    /// <remarks>Neither an end nor the middle, which may be zero for all weights: of such there is no merge.</remarks>
    public SearchedSettings First => new([
        .. Axes.Select(axis => new SearchedSetting(
            axis.Name, axis.Values.Count > 0 ? axis.Values[0] : axis.Written(axis.Low + (0.618 * (axis.High - axis.Low))))
        {
            Source = axis.Source,
        })
    ]);

    /// <summary>What is asked for, by name, as it is recorded with what was found.</summary>
    public SortedDictionary<string, string> Asked()
    {
        var asked = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var option in Options)
            asked[option.Metadata] = option.Text(this);
        foreach (var guard in Guards)
            asked[$"Guard {guard.Data.Label}"] = NumberText.Of(guard.Least);
        foreach (var axis in Axes)
            asked[$"Axis {axis.Title}"] = axis.ValuesText;
        return asked;
    }

    private static MergeOption<SearchDeclaration, T> Row<T>(
        string metadata, OptionKind<T> kind, T missing, string description,
        Func<SearchDeclaration, T> get, Func<SearchDeclaration, T, SearchDeclaration> set) =>
        new(metadata, "", "", kind, missing, description, get, set);
}
