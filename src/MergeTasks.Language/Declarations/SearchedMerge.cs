using MergeTasks.Language.Options;
using MergeTasks.Language.Recipes;
using MergeTasks.Language.Searching;
using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Loading;

namespace MergeTasks.Language.Declarations;

/// <summary>
/// A merge whose settings a search decides, while its declaration is read: what the search says comes before what project and recipe say.
/// </summary>
/// <param name="search">The search.</param>
/// <param name="settings">The settings.</param>
/// <param name="methods">The methods that there are.</param>
internal sealed class SearchedMerge(SearchDeclaration search, SearchedSettings settings, MethodCatalog methods)
{
    /// <summary>The search.</summary>
    public SearchDeclaration Search => search;

    /// <summary>The method; <see langword="null"/>: the declared one.</summary>
    public string? Method => settings.Find(SearchAxis.MethodName, null);

    /// <summary>An option; <see langword="null"/>: the declared one.</summary>
    public WrittenOption? Option(MergeOption option) => settings.Find(option.Metadata, null) is { } text
        ? new WrittenOption(
            option.Form.TakesList ? text.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) : [text],
            () => Axes(AxisKind.Option).First(axis => axis.Name == option.Metadata).Location)
        : null;

    /// <summary>
    /// The parameters of the merge or of one of its models: as declared, but for those that the search decides, and without those that only
    /// other methods of the search have.
    /// </summary>
    /// <param name="declared">As declared.</param>
    /// <param name="method">The merge's method.</param>
    /// <param name="source">The model's label; <see langword="null"/>: the merge's own.</param>
    public Dictionary<string, Setting> Parameters(IReadOnlyDictionary<string, Setting> declared, string method, string? source)
    {
        var decided = Known(declared, method);
        if (methods.Find(method) is not { } known)
            return decided;
        foreach (var axis in Axes(AxisKind.Parameter).Where(axis => Has(known, axis.Parameter)))
        {
            if (settings.Find(axis.Name, axis.Source) is not { } value)
                continue;

            // What holds for all models holds also for one that has a value of its own.
            if (axis.Source is null && source is not null)
            {
                decided.Remove(axis.Parameter);
            }
            else if (axis.Source == source)
            {
                decided[axis.Parameter] = SettingText.Parse(value)
                    ?? throw SearchRecord.Bad(search.File, $"'{value}' is no value of '{axis.Title}'", 0);
            }
        }

        return decided;
    }

    /// <summary>A recipe's merge as the search has it; slices and modules keep settings of their own.</summary>
    /// <param name="merge">As declared.</param>
    /// <param name="scopes">Its settings, where they stand.</param>
    public (MergeDeclaration Merge, IReadOnlyList<SettingsScope> Scopes) Decided(
        MergeDeclaration merge, IReadOnlyList<SettingsScope> scopes)
    {
        var method = Method ?? merge.Method;
        return (
            merge with
            {
                Method = method,
                Parameters = Parameters(merge.Parameters, method, null),
                Models = merge.IsWhole
                    ? [.. merge.Models.Select(model => model with { Parameters = Parameters(model.Parameters, method, model.Label) })]
                    : merge.Models,
            },
            [.. scopes.Select(scope => scope with { Settings = Known(scope.Settings, method) })]);
    }

    /// <summary>Declared parameters without those that only other methods of the search have.</summary>
    private Dictionary<string, Setting> Known(IReadOnlyDictionary<string, Setting> declared, string method) =>
        declared
            .Where(pair =>
                methods.Find(method) is not { } known || Has(known, pair.Key) || !Others().Any(other => Has(other, pair.Key)))
            .ToDictionary(pair => pair.Key, pair => pair.Value, StringComparer.Ordinal);

    private IEnumerable<MergeMethod> Others() =>
        Axes(AxisKind.Method).SelectMany(axis => axis.Values).Select(methods.Find).OfType<MergeMethod>();

    private IEnumerable<SearchAxis> Axes(AxisKind kind) => search.Axes.Where(axis => axis.Kind == kind);

    private static bool Has(MergeMethod method, string parameter) => method.Parameters.Any(declared => declared.Name == parameter);
}
