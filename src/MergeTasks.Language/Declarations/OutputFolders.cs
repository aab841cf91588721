using MergeTasks.Files;
using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Language.Declarations;

/// <summary>
/// Where outputs go. Finds merges that would write over each other's output or over a model that a merge reads, whatever links lead there.
/// </summary>
internal static class OutputFolders
{
    private static readonly StringComparer Paths = OperatingSystem.IsLinux() ? StringComparer.Ordinal : StringComparer.OrdinalIgnoreCase;

    /// <summary>Full path of a merge's output folder.</summary>
    public static string Of(ProjectDefaults project, DeclaredMerge merge)
    {
        var item = merge.Item;
        return Path.TrimEndingDirectorySeparator(item["OutputDirectory"] is { } own && !merge.IsIntermediate
            ? UserPath.Full(project.Folder, own, () => item.LocationOf("OutputDirectory"))
            : UserPath.Full(project.ModelsFolder, merge.Name, () => item.Location));
    }

    public static IEnumerable<Diagnostic> Check(IReadOnlyList<MergeDeclaration> merges)
    {
        var owners = new Dictionary<string, MergeDeclaration>(Paths);
        foreach (var merge in merges)
        {
            if (!owners.TryAdd(Real(merge.OutputFolder), merge)
                && !owners[Real(merge.OutputFolder)].Name.Equals(merge.Name, StringComparison.OrdinalIgnoreCase))
            {
                yield return new Diagnostic(DiagnosticCode.InvalidName,
                    $"Merge '{merge.Name}' has the same output folder as '{owners[Real(merge.OutputFolder)].Name}': "
                        + $"'{merge.OutputFolder}'. Choose another OutputDirectory.", merge.Location);
            }
        }

        foreach (var merge in merges)
        {
            var read = merge.References.SelectMany(model =>
                new[] { (model.Label, model.Folder), (model.Adapter?.Label ?? "", model.Adapter?.Folder) });
            foreach (var (label, folder) in read.Where(model => !string.IsNullOrEmpty(model.Item2)).DistinctBy(model => model.Item2))
            {
                if (owners.TryGetValue(Real(folder!), out var owner))
                {
                    yield return new Diagnostic(DiagnosticCode.InvalidName,
                        $"Merge '{owner.Name}' would write over '{label}' in '{folder}', which merge '{merge.Name}' reads. "
                        + $"Choose another OutputDirectory, or name the model '{owner.Name}' where its output is meant.", owner.Location);
                }
            }
        }
    }

    // Links that lead in a circle are told by whoever wants to read or write there.
    private static string Real(string folder)
    {
        try
        {
            return InputFolder.RealPath(folder);
        }
        catch (FileFault)
        {
            return folder;
        }
    }
}
