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
            .Select(model => model?.Merge)
            .OfType<string>()
            .Distinct(StringComparer.OrdinalIgnoreCase);
}
