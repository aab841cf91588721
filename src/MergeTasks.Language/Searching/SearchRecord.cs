using System.Text.Json;
using System.Text.Json.Serialization;
using MergeTasks.Caching;
using MergeTasks.Files;
using MergeTasks.Files.Json;
using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Language.Searching;

/// <summary>A figure of a search, and the interval in which it lies with 95 % (bootstrap percentiles).</summary>
/// <param name="Model">Whose it is: a model, <c>plain average</c>, <c>as declared</c>, or <c>best</c>.</param>
/// <param name="Selecting">The objective on the items that the search has seen.</param>
/// <param name="HeldOut">The objective on the items that it has not.</param>
/// <param name="Low">The lower end of the interval of <paramref name="HeldOut"/>.</param>
/// <param name="High">The upper end.</param>
internal sealed record SearchFigure(string Model, double Selecting, double HeldOut, double Low, double High)
{
    /// <summary>How much the best is better than this on held-out items; absent for the best itself.</summary>
    public double? Gain { get; init; }

    /// <summary>The lower end of the interval of <see cref="Gain"/>.</summary>
    public double? GainLow { get; init; }

    /// <summary>The upper end.</summary>
    public double? GainHigh { get; init; }
}

/// <summary>A candidate that was tried.</summary>
/// <param name="Settings">Its settings, for people.</param>
/// <param name="Items">Share of the items on which it was measured.</param>
/// <param name="Objective">The objective there; absent where it cannot be made.</param>
internal sealed record TriedCandidate(string Settings, double Items, double? Objective)
{
    private const string MethodMark = SearchAxis.MethodName + "=";

    /// <summary>Whether it misses a guard there; absent where it misses none.</summary>
    public bool? MissesGuard { get; init; }

    /// <summary>The method among the settings; empty where it is not searched.</summary>
    [JsonIgnore]
    public string Method => Settings.StartsWith(MethodMark, StringComparison.Ordinal)
        ? Settings[MethodMark.Length..].Split(',')[0] : "";
}

/// <summary>
/// What a search has found: the settings that builds use, and what they were found with. Meant to be committed; the same search of the same
/// models and data writes the same file.
/// </summary>
/// <param name="Version">Of the format.</param>
/// <param name="Merge">Name of the merge.</param>
/// <param name="Settings">The settings.</param>
/// <param name="Tool">Version of this product.</param>
/// <param name="Asked">What was asked for: axes, budget, objective, …, by name.</param>
/// <param name="Models">The models by label, with the digest of their weights.</param>
/// <param name="Data">The files by label, with their digest.</param>
/// <param name="Tensors">Digest of the keys of the tensors that were measured: another one where anything of the merge
/// is different.</param>
/// <param name="Figures">The comparison, the best last.</param>
/// <param name="Candidates">What was tried, in order.</param>
internal sealed record SearchRecord(
    int Version,
    string Merge,
    IReadOnlyList<SearchedSetting> Settings,
    string Tool,
    SortedDictionary<string, string> Asked,
    SortedDictionary<string, string> Models,
    SortedDictionary<string, string> Data,
    string Tensors,
    IReadOnlyList<SearchFigure> Figures,
    IReadOnlyList<TriedCandidate> Candidates)
{
    /// <summary>The version that is written and read.</summary>
    public const int CurrentVersion = 1;

    private static readonly JsonSerializerOptions Options = new(ReadableJson.Options)
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    /// <summary>The file's name for a merge.</summary>
    public static string FileNameOf(string merge) => merge + ".search.json";

    /// <summary>Reads what was found.</summary>
    /// <param name="path">Full path.</param>
    /// <param name="merge">The merge that it must be about.</param>
    /// <returns><see langword="null"/> where there is no such file.</returns>
    /// <exception cref="DiagnosticException">It cannot be used.</exception>
    public static SearchRecord? Read(string path, string merge)
    {
        try
        {
            if (!System.IO.File.Exists(path))
                return null;
            var found = StrictJson.Read<SearchRecord>(path, Options);
            return found.Version != CurrentVersion ? throw Bad(path, $"its version is not {CurrentVersion}", 0)
                : found.Settings.Contains(null!) ? throw Bad(path, "a setting is missing", 0)
                : !found.Merge.Equals(merge, StringComparison.OrdinalIgnoreCase) ? throw Bad(path, $"it is about '{found.Merge}'", 0)
                : found;
        }
        catch (FileFault e)
        {
            throw Bad(path, $"it {e.Reason}", e.Line);
        }
    }

    /// <summary>The settings of axes that a search still has.</summary>
    public SearchedSettings SettingsOf(SearchDeclaration search) => new SearchedSettings(Settings).Of(search.Axes);

    /// <summary>Writes what was found, unless the file says so already.</summary>
    /// <exception cref="DiagnosticException">It cannot be written.</exception>
    public void Write(string path)
    {
        try
        {
            AtomicFile.WriteIfDifferent(path, [.. JsonSerializer.SerializeToUtf8Bytes(this, Options), (byte)'\n']);
        }
        catch (FileFault e)
        {
            throw new DiagnosticException(
                DiagnosticCode.OutputUnwritable,
                $"What the search of '{Merge}' found cannot be written: {e.Message}",
                new SourceLocation(path));
        }
    }

    /// <summary>The fault of a file that cannot be used.</summary>
    public static DiagnosticException Bad(string path, string reason, int line) => new(
        DiagnosticCode.BadSearchFile,
        $"'{path}' is not what a search writes: {reason}. Mend it, or delete it and run the search again (-t:SearchMerges).",
        new SourceLocation(path, line, line > 0 ? 1 : 0));
}
