using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Language.Declarations;

/// <summary>Finds merges that would write over each other's output or over a model that a merge reads.</summary>
internal static class OutputFolders
{
    private static readonly StringComparer Paths = OperatingSystem.IsWindows() ? StringComparer.OrdinalIgnoreCase : StringComparer.Ordinal;

    public static IEnumerable<Diagnostic> Check(IReadOnlyList<MergeDeclaration> merges)
    {
        var owners = new Dictionary<string, MergeDeclaration>(Paths);
        foreach (var merge in merges)
        {
            if (!owners.TryAdd(merge.OutputFolder, merge) && !owners[merge.OutputFolder].Name.Equals(merge.Name, StringComparison.OrdinalIgnoreCase))
            {
                yield return new Diagnostic(DiagnosticCode.InvalidName,
                    $"Merge '{merge.Name}' has the same output folder as '{owners[merge.OutputFolder].Name}': '{merge.OutputFolder}'. Choose another OutputDirectory.", merge.Location);
            }
        }

        foreach (var merge in merges)
        {
            foreach (var model in merge.Models.Append(merge.Base).Append(merge.ImportanceBase).OfType<ModelDeclaration>().Where(model => model.Folder is not null).DistinctBy(model => model.Folder))
            {
                if (owners.TryGetValue(model.Folder!, out var owner))
                {
                    yield return new Diagnostic(DiagnosticCode.InvalidName,
                        $"Merge '{owner.Name}' would write over '{model.Label}' in '{model.Folder}', which merge '{merge.Name}' reads. "
                        + $"Choose another OutputDirectory, or name the model '{owner.Name}' where its output is meant.", owner.Location);
                }
            }
        }
    }
}
