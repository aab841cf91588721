using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Importance;
using MergeTasks.Language.Options;
using MergeTasks.Language.Searching;
using MergeTasks.Methods.Loading;

namespace MergeTasks.Language.Declarations;

/// <summary>Turns <c>MergeSearch</c> and <c>MergeSearchAxis</c> items into declarations, reporting every mistake it meets.</summary>
/// <param name="project">The project, with the items.</param>
/// <param name="merges">The merges that there are, and the labels of each one's models.</param>
/// <param name="methods">The methods that there are.</param>
/// <param name="report">Receives each finding.</param>
internal sealed class SearchReader(
    ProjectDefaults project,
    IReadOnlyList<(DeclaredMerge Merge, IReadOnlyList<string> Labels)> merges,
    MethodCatalog methods,
    Action<Diagnostic> report)
{
    /// <summary>Reads all searches of a project.</summary>
    /// <returns>By the merge's name.</returns>
    public IReadOnlyDictionary<string, SearchDeclaration> Read()
    {
        var searches = new Dictionary<string, SearchDeclaration>(StringComparer.OrdinalIgnoreCase);
        foreach (var item in project.Searches)
            CheckSpelling(item, ProjectSurface.MergeSearch);
        foreach (var item in project.SearchAxes)
            CheckSpelling(item, ProjectSurface.MergeSearchAxis);
        var axes = AssignAxes();
        foreach (var item in project.Searches)
        {
            var found = merges.FirstOrDefault(merge => merge.Merge.Name.Equals(item.Include, StringComparison.OrdinalIgnoreCase));
            if (found.Merge is not { } merge)
            {
                report(new Diagnostic(
                    DiagnosticCode.UnknownInto,
                    $"MergeSearch '{item.Include}' searches for a merge that no MergedModel "
                        + $"declares.{Suggestion.Sentence(item.Include, Names)}",
                    item.Location));
            }
            else if (searches.ContainsKey(merge.Name))
            {
                report(Fault(
                    item, DiagnosticCode.IncompleteSearch, "there are two searches of this merge; put all into one.", item.Location));
            }
            else
            {
                searches[merge.Name] = ReadSearch(item, merge, found.Labels, axes.GetValueOrDefault(merge.Name) ?? []);
            }
        }

        return searches;
    }

    private IReadOnlyCollection<string> Names => [.. merges.Select(merge => merge.Merge.Name)];

    private SearchDeclaration ReadSearch(DeclaredItem item, DeclaredMerge merge, IReadOnlyList<string> labels, List<DeclaredItem> axes)
    {
        var data = Split(item["Evaluate"]).ConvertAll(path =>
            new DataFile(path, UserPath.Full(project.Folder, path, () => item.LocationOf("Evaluate")), item.LocationOf("Evaluate")));
        if (data.Count == 0)
            report(Fault(
                item, DiagnosticCode.IncompleteSearch,
                "nothing says what candidates are measured on. Name files of texts or samples: Evaluate=\"eval/a.jsonl;eval/b.jsonl\".",
                item.Location));
        foreach (var twice in data.GroupBy(file => file.Path, StringComparer.Ordinal).Where(group => group.Count() > 1))
            report(Fault(
                item,
                DiagnosticCode.IncompleteSearch,
                $"'{twice.First().Label}' is named twice in Evaluate.",
                item.LocationOf("Evaluate")));
        if (axes.Count == 0)
            report(Fault(
                item, DiagnosticCode.IncompleteSearch,
                "nothing says which settings are tried. Add <MergeSearchAxis Include=\"Method\" "
                    + $"Into=\"{merge.Name}\" Values=\"linear;ties\" /> or one with a Range.",
                item.Location));
        var options = new OptionReader(
            $"MergeSearch '{item.Include}'",
            option => item[option.Metadata] is { } text ? [new WrittenOption([text], () => item.LocationOf(option.Metadata))] : [],
            written => written.Text,
            report);
        var read = new AxisReader(merge, labels, axes, methods, report).Read();
        var search = options.Read(new SearchDeclaration(merge.Name, item.Location), SearchDeclaration.Options) with
        {
            Data = data,
            Axes = read,
            Guards = [.. Split(item["Guard"]).Select(text => ReadGuard(item, text, data)).OfType<SearchGuard>()],
            File = UserPath.Full(
                project.Folder,
                item["SearchFile"] ?? SearchRecord.FileNameOf(merge.Name),
                () => item.LocationOf("SearchFile")),
        };
        CheckBudget(item, search);
        try
        {
            return search with { Found = SearchRecord.Read(search.File, merge.Name) };
        }
        catch (DiagnosticException e)
        {
            foreach (var diagnostic in e.Diagnostics)
                report(diagnostic);
            return search;
        }
    }

    // One candidate for each value, and two for each number.
    private void CheckBudget(DeclaredItem item, SearchDeclaration search)
    {
        var least = search.Axes.Select(axis => axis.Values.Count)
            .Append(2 * search.Axes.Sum(axis => axis.Values.Count > 0 ? 0 : axis.Layers))
            .Max();
        if (search.Budget < least)
        {
            report(Fault(
                item, DiagnosticCode.SmallBudget,
                $"a Budget of {search.Budget} candidates is too small: these axes need at least {least}, one for each value and two "
                    + "for each number, and some ten for each axis to find anything.",
                item.LocationOf("Budget")));
        }
    }

    private SearchGuard? ReadGuard(DeclaredItem item, string text, List<DataFile> data)
    {
        var at = text.LastIndexOf(':');
        if (at < 1 || NumberText.ParseFinite(text[(at + 1)..]) is not { } least || least > 1)
        {
            report(Fault(
                item, DiagnosticCode.UnknownGuard,
                $"'{text}' is no guard: it is a file of Evaluate, a colon, and the least that 1 − L/L₀ may be there, such as "
                    + "eval/chat.jsonl:-0.02 for at most 2 % more loss than the base.",
                item.LocationOf("Guard")));
            return null;
        }

        var path = UserPath.Full(project.Folder, text[..at], () => item.LocationOf("Guard"));
        if (data.Find(file => file.Path == path) is { } guarded)
            return new SearchGuard(guarded, least);
        report(Fault(
            item, DiagnosticCode.UnknownGuard,
            $"Guard names '{text[..at]}', which is no file of Evaluate."
                + Suggestion.Sentence(text[..at], [.. data.Select(file => file.Label)]),
            item.LocationOf("Guard")));
        return null;
    }

    private Dictionary<string, List<DeclaredItem>> AssignAxes()
    {
        var assigned = new Dictionary<string, List<DeclaredItem>>(StringComparer.OrdinalIgnoreCase);
        var searched = project.Searches.Select(item => item.Include).Distinct(StringComparer.OrdinalIgnoreCase)
            .Where(name => Names.Contains(name, StringComparer.OrdinalIgnoreCase)).ToList();
        if (searched.Count == 0 && project.Searches.Count > 0)
            return assigned;
        foreach (var item in project.SearchAxes)
        {
            var into = item["Into"] is { } named ? Split(named) : searched.Count == 1 ? [searched[0]] : [];
            if (into.Count == 0)
            {
                report(Fault(
                    item, DiagnosticCode.UnknownInto,
                    searched.Count == 0 ? "there is no MergeSearch that would try it."
                        : $"it does not say which search it belongs to. Add Into=\"…\"; there are: {string.Join(", ", searched)}.",
                    item.Location));
            }

            foreach (var name in into)
            {
                if (!searched.Contains(name, StringComparer.OrdinalIgnoreCase))
                    report(Fault(
                        item, DiagnosticCode.UnknownInto,
                        $"no MergeSearch searches for '{name}'.{Suggestion.Sentence(name, searched)}",
                        item.LocationOf("Into")));
                else if (assigned.TryGetValue(name, out var list))
                    list.Add(item);
                else
                    assigned[name] = [item];
            }
        }

        return assigned;
    }

    private void CheckSpelling(DeclaredItem item, SurfaceItem surface)
    {
        foreach (var name in item.Metadata.Keys.Where(name => !surface.MetadataNames.Contains(name, StringComparer.OrdinalIgnoreCase)))
        {
            if (Suggestion.Closest(name, surface.MetadataNames) is { } closest)
                report(Fault(
                    item, DiagnosticCode.MisspeltMetadata,
                    $"nothing reads the metadata '{name}'. Did you mean '{closest}'?", item.LocationOf(name)));
        }
    }

    private static List<string> Split(string? text) =>
        [.. (text ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)];

    private static Diagnostic Fault(DeclaredItem item, DiagnosticCode code, string message, SourceLocation location) =>
        new(code, $"{item.Type} '{item.Include}': {message}", location);
}
