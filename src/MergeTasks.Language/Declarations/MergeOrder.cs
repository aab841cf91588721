using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Language.Declarations;

/// <summary>Puts merges into an order in which each comes after those whose output it uses.</summary>
internal static class MergeOrder
{
    /// <summary>Sorts; merges that do not depend on each other keep their order.</summary>
    /// <exception cref="DiagnosticException">Merges that need each other.</exception>
    public static IReadOnlyList<MergeDeclaration> Sort(IReadOnlyList<MergeDeclaration> merges)
    {
        var byName = merges.ToDictionary(merge => merge.Name, StringComparer.OrdinalIgnoreCase);
        var sorted = new List<MergeDeclaration>(merges.Count);
        var path = new List<MergeDeclaration>();
        foreach (var merge in merges)
            Visit(merge);
        return sorted;

        void Visit(MergeDeclaration merge)
        {
            if (sorted.Contains(merge))
                return;
            var start = path.IndexOf(merge);
            if (start >= 0)
            {
                var circle = string.Join(" → ", path.Skip(start).Append(merge).Select(member => $"'{member.Name}'"));
                throw new DiagnosticException(
                    DiagnosticCode.Cycle, $"Merges need each other's output: {circle}. Break the circle.", merge.Location);
            }

            path.Add(merge);
            foreach (var name in Upstream(merge))
                Visit(byName[name]);
            path.Remove(merge);
            sorted.Add(merge);
        }
    }

    /// <summary>Names of the merges whose output a merge uses.</summary>
    public static IEnumerable<string> Upstream(MergeDeclaration merge) =>
        merge.Models
            .Append(merge.Base)
            .Append(merge.ImportanceBase)
            .SelectMany(model => new[] { model?.Merge, model?.Adapter?.Merge })
            .OfType<string>()
            .Distinct(StringComparer.OrdinalIgnoreCase);

    /// <summary>A merge and those whose output it uses, directly or not, in the order of all.</summary>
    /// <param name="merges">All merges, sorted.</param>
    /// <param name="name">The merge, which comes last.</param>
    public static IReadOnlyList<MergeDeclaration> WithUpstream(IReadOnlyList<MergeDeclaration> merges, string name)
    {
        var needed = new HashSet<string>(StringComparer.OrdinalIgnoreCase) { name };
        foreach (var merge in merges.Reverse().Where(merge => needed.Contains(merge.Name)))
            needed.UnionWith(Upstream(merge));
        return [.. merges.Where(merge => needed.Contains(merge.Name))];
    }

    /// <summary>
    /// Does something with each merge, and reports all that is wrong. A merge that needs a failed one would only repeat its errors, so of a
    /// chain the first failure is reported.
    /// </summary>
    /// <param name="merges">All merges, sorted.</param>
    /// <param name="action">What is done.</param>
    /// <exception cref="DiagnosticException">With everything that is wrong.</exception>
    public static void ForEach(IReadOnlyList<MergeDeclaration> merges, Action<MergeDeclaration> action)
    {
        var diagnostics = new List<Diagnostic>();
        var failed = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var merge in merges)
        {
            if (Upstream(merge).Any(failed.Contains))
            {
                failed.Add(merge.Name);
                continue;
            }

            try
            {
                FileDiagnostics.Reading(merge.Name, merge.OutputFolder, merge.Location, () =>
                {
                    action(merge);
                    return true;
                });
            }
            catch (DiagnosticException e)
            {
                failed.Add(merge.Name);
                diagnostics.AddRange(e.Diagnostics);
            }
        }

        if (diagnostics.Count > 0)
            throw new DiagnosticException([.. diagnostics.Distinct()]);
    }
}
