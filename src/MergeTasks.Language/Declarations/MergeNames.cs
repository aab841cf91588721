using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Language.Declarations;

/// <summary>The names of a project's merges, and the sources that name them.</summary>
/// <param name="merges">The merges.</param>
/// <param name="report">Receives each finding.</param>
internal sealed class MergeNames(IReadOnlyList<DeclaredMerge> merges, Action<Diagnostic> report)
{
    /// <summary>Checks that every merge has a name of its own that a folder can have.</summary>
    public void Check()
    {
        var seen = new Dictionary<string, DeclaredMerge>(StringComparer.OrdinalIgnoreCase);
        foreach (var merge in merges)
        {
            var name = merge.Name;
            if (!name.All(c => char.IsLetterOrDigit(c) || c is '.' or '-' or '_')
                || name.StartsWith('.')
                || name.EndsWith('.')
                || name.Length is 0 or > 100)
            {
                report(new Diagnostic(DiagnosticCode.InvalidName,
                    $"'{name}' cannot name a merge, because it names a folder too: use letters, digits, '-', '_' and '.' (not first or "
                        + "last), 100 at most.", merge.Location));
            }
            else if (!seen.TryAdd(name, merge))
            {
                var first = seen[name].Location;
                report(new Diagnostic(DiagnosticCode.DuplicateMerge,
                    $"There is a merge '{name}' already, at {first.File}({first.Line},{first.Column}). Give one of them "
                        + $"another {(merge.Recipe?.Name is null ? "MergedModelName" : "'name'")}.", merge.Location));
            }
        }
    }

    /// <summary>
    /// Finds the merges that each source goes into: one by its name, or those of a recipe file with several, of which the ones that use it
    /// take it.
    /// </summary>
    /// <param name="sources">The <c>MergeSource</c> items.</param>
    /// <returns>The sources by the merge's name.</returns>
    public IReadOnlyDictionary<string, List<DeclaredItem>> Assign(IReadOnlyList<DeclaredItem> sources)
    {
        var assigned = new Dictionary<string, List<DeclaredItem>>(StringComparer.OrdinalIgnoreCase);
        var files = new Dictionary<string, List<string>>(StringComparer.OrdinalIgnoreCase);
        foreach (var merge in merges)
        {
            assigned.TryAdd(merge.Name, []);
            if (merge.Documents.Count > 1)
                files[merge.Item["MergedModelName"] ?? Path.GetFileNameWithoutExtension(merge.Item.Include.Replace('\\', '/'))] = [
                    .. merges.Where(other => other.Index == merge.Index).Select(other => other.Name)
                ];
        }

        foreach (var source in sources)
        {
            var into = source["Into"]
                ?? (assigned.Count == 1 ? assigned.Keys.Single()
                    : files.Count == 1 && files.Values.Single().Count == assigned.Count ? files.Keys.Single()
                    : null);
            if (into is null)
            {
                report(new Diagnostic(DiagnosticCode.UnknownInto,
                    $"MergeSource '{source.Include}' does not say into which merge it goes. Add Into=\"…\"; there "
                        + $"are: {string.Join(", ", assigned.Keys)}.", source.Location));
                continue;
            }

            foreach (var name in into.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            {
                if (files.TryGetValue(name, out var members))
                    members.ForEach(member => assigned[member].Add(source));
                else if (assigned.TryGetValue(name, out var list))
                    list.Add(source);
                else
                    report(
                        new Diagnostic(
                            DiagnosticCode.UnknownInto,
                            $"MergeSource '{source.Include}' goes into '{name}', which no MergedModel "
                                + $"declares.{Suggestion.Sentence(name, assigned.Keys)}",
                            source.LocationOf("Into")));
            }
        }

        return assigned;
    }
}
