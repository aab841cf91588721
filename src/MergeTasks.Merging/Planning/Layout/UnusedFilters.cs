using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Options;
using MergeTasks.Language.Recipes;

namespace MergeTasks.Merging.Planning.Layout;

/// <summary>Finds filters and globs that fit no tensor, which are nearly always misspelt.</summary>
internal static class UnusedFilters
{
    /// <summary>Checks all that a merge's layout meets.</summary>
    public static IEnumerable<Diagnostic> Find(MergeDeclaration merge, IReadOnlyList<LayoutTensor> tensors)
    {
        var names = tensors.Where(tensor => !tensor.IsCopied).Select(tensor => tensor.Name).ToList();
        foreach (var glob in merge.Tensors.Merged
            .Concat(merge.Tensors.Kept)
            .Where(glob => !names.Exists(name => TensorSelection.Matches(glob, name))))
            yield return Unused(
                merge,
                $"the glob \"{glob}\" fits no tensor's whole name; there is, for example, '{names.FirstOrDefault()}'",
                merge.Tensors.Location ?? merge.Location);
        var conditions = new Dictionary<Condition, bool>(ReferenceEqualityComparer.Instance);
        foreach (var part in tensors.GroupBy(tensor => tensor.Part, ReferenceEqualityComparer.Instance))
        {
            List<LayoutTensor> merged = [.. part.Where(tensor => tensor.Sources.Count > 0)];
            for (var i = 0; i < part.First().Part.Sources.Count; i++)
            {
                var index = i;
                Meet(part.First().Part.Sources[i].Declaration.Parameters, merged.Select(tensor => tensor.Sources[index].Tensor));
            }

            foreach (var scope in part.First().Part.Scopes)
                Meet(scope, merged.SelectMany(tensor => tensor.Sources.Select(source => source.Tensor).Append(tensor.Name)));
        }

        foreach (var (condition, _) in conditions.Where(condition => !condition.Value))
            yield return Unused(
                merge,
                $"no tensor fits the condition {condition}; there is, for example, '{names.FirstOrDefault()}'",
                condition.Location ?? merge.Location);

        void Meet(IReadOnlyDictionary<string, Setting> settings, IEnumerable<string> met)
        {
            foreach (var condition in settings.Values.OfType<Setting.Conditional>().SelectMany(setting => setting.Cases))
                conditions[condition] = conditions.GetValueOrDefault(condition) || met.Any(condition.Matches);
        }
    }

    private static Diagnostic Unused(MergeDeclaration merge, string what, SourceLocation location) =>
        new(DiagnosticCode.UnusedFilter, $"Merge '{merge.Name}': {what}.", location, IsWarning: true);
}
