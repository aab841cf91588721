using System.Text;
using System.Text.RegularExpressions;
using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Language.Declarations;

/// <summary>The names of a project's merges, and the sources that name them.</summary>
/// <param name="merges">The merges.</param>
/// <param name="report">Receives each finding.</param>
internal sealed partial class MergeNames(IReadOnlyList<DeclaredMerge> merges, Action<Diagnostic> report)
{
    /// <summary>Checks that every merge has a name of its own that a folder can have.</summary>
    public void Check()
    {
        var seen = new Dictionary<string, DeclaredMerge>(StringComparer.OrdinalIgnoreCase);
        foreach (var merge in merges)
        {
            var name = merge.Name;
            if (!CanNameFolder(name))
            {
                report(new Diagnostic(DiagnosticCode.InvalidName,
                    $"'{name}' cannot name a merge, because it names a folder too: use letters, digits, '-', '_' and '.' (not first or "
                        + "last), 100 at most, and no name that Windows keeps for devices ('con', 'nul').", merge.Location));
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

    // On every system, because projects are built on several; with what is appended to it, a name has at most 255 bytes.
    private static bool CanNameFolder(string name) =>
        name.All(c => char.IsLetterOrDigit(c) || c is '.' or '-' or '_')
            && !name.StartsWith('.')
            && !name.EndsWith('.')
            && name.Length is > 0 and <= 100
            && Encoding.UTF8.GetByteCount(name) <= 200
            && !Device().IsMatch(name);

    [GeneratedRegex(@"\A(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|\z)", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Device();

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
                    assigned.Count == 0
                        ? $"MergeSource '{source.Include}' goes into no merge, because the project declares no MergedModel."
                        : $"MergeSource '{source.Include}' does not say into which merge it goes. Add Into=\"…\"; there are: "
                            + $"{string.Join(", ", assigned.Keys)}.",
                    source.Location));
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
