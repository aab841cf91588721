using MergeTasks.Caching;
using MergeTasks.Files;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Importance;
using MergeTasks.Language.Searching;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Measuring;
using MergeTasks.Merging.Planning;

namespace MergeTasks.Merging.Searching;

/// <summary>What a search's record rests on, and whether that is still so.</summary>
internal static class SearchState
{
    /// <summary>The models that are merged, by label, with the digest of their weights.</summary>
    public static SortedDictionary<string, string> Models(MergePlan plan, Measurable measurable)
    {
        var models = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var model in plan.Models)
            models[model.Declaration.Label] = measurable.WeightsOf(model.Input);
        return models;
    }

    /// <summary>The files, by label, with their digest.</summary>
    public static SortedDictionary<string, string> Data(SearchDeclaration search, Func<DataFile, string> digestOf)
    {
        var data = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var file in search.Data)
            data[file.Label] = digestOf(file);
        return data;
    }

    /// <summary>A plan with what is to be said of the search that its settings come from.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="hasher">Digests files; <see langword="null"/> where keys do not matter, and only the declaration is compared.</param>
    /// <param name="cancellation">Ends digesting.</param>
    public static MergePlan Told(MergePlan plan, FileHasher? hasher, CancellationToken cancellation)
    {
        if (plan.Declaration.Search is not { } search)
            return plan;
        if (search.Found is not { } found)
        {
            return plan with
            {
                Findings = [.. plan.Findings, Outdated(search,
                    $"it has not been searched yet ('{search.File}' is missing), and is merged as declared. Run -t:SearchMerges.")],
            };
        }

        var remark = $"settings of '{Path.GetFileName(search.File)}': {found.SettingsOf(search)}";
        var told = plan with { Remarks = [.. plan.Remarks, remark] };
        var changes = Changes(search, found, plan, hasher, cancellation).ToList();
        return changes.Count == 0 ? told : told with
        {
            Findings = [.. plan.Findings, Outdated(search,
                $"its settings were found for something else: {string.Join("; ", changes)}. They are used as they are; -t:SearchMerges "
                    + "searches again.")],
        };
    }

    private static Diagnostic Outdated(SearchDeclaration search, string message) =>
        new(DiagnosticCode.OutdatedSearch, $"Merge '{search.Merge}': {message}", search.Location, IsWarning: true);

    private static IEnumerable<string> Changes(
        SearchDeclaration search, SearchRecord found, MergePlan plan, FileHasher? hasher, CancellationToken cancellation)
    {
        var asked = Differences(found.Asked, search.Asked()).ToList();
        if (asked.Count > 0)
            yield return $"{string.Join(", ", asked)} differ{(asked.Count == 1 ? "s" : "")}";
        if (hasher is null)
            yield break;
        var measurable = new Measurable($"MergeSearch '{search.Merge}'", hasher, "", cancellation);
        var data = Differences(found.Data, Data(search, file => DigestOf(file, hasher, cancellation))).ToList();
        if (data.Count > 0)
            yield return $"{string.Join(", ", data.Select(name => $"'{name}'"))} changed";
        var models = Differences(found.Models, Models(plan, measurable)).ToList();
        if (models.Count > 0)
            yield return $"the model{(models.Count == 1 ? "" : "s")} {string.Join(", ", models.Select(name => $"'{name}'"))} changed";
        else if (asked.Count == 0 && found.Tensors != plan.TensorsDigest)
            yield return found.Tool == ToolVersion.Text ? "other settings of the merge, or its task data, changed"
                : $"the merge, or what MergeTasks {found.Tool} and {ToolVersion.Text} make of it, changed";
    }

    // A file that is gone is one that changed: building needs none of them.
    private static string DigestOf(DataFile file, FileHasher hasher, CancellationToken cancellation)
    {
        try
        {
            return hasher.DigestWhole(file.Path, cancellation).ToString();
        }
        catch (Exception e) when (FileFault.Covers(e))
        {
            return "";
        }
    }

    private static IEnumerable<string> Differences(SortedDictionary<string, string> before, SortedDictionary<string, string> now) =>
        before.Keys.Union(now.Keys, StringComparer.Ordinal)
            .Where(name => before.GetValueOrDefault(name) != now.GetValueOrDefault(name))
            .Order(StringComparer.Ordinal);
}
