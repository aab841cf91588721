using MergeTasks.Files;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Methods.BuiltIn;

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

    /// <summary>
    /// The merges with adapters that are named by the folder of the merge that makes them named by that merge: an adapter is a folder
    /// elsewhere, so people name it so here too.
    /// </summary>
    public static List<MergeDeclaration> WithMadeAdapters(IReadOnlyList<MergeDeclaration> merges)
    {
        var owners = merges
            .GroupBy(merge => Real(merge.OutputFolder), Paths)
            .ToDictionary(group => group.Key, group => group.First(), Paths);
        return [.. merges.Select(merge => merge.WithReferences(model => Named(model, merge)))];

        ModelDeclaration Named(ModelDeclaration model, MergeDeclaration user)
        {
            if (model.Adapter is { Merge: null } adapter
                && Owner(adapter.Folder, adapter.Remote, adapter.Label, adapter.Location, user) is { } maker)
                model = model with { Adapter = adapter with { Folder = "", Remote = null, Merge = maker.Name } };
            return model.Merge is null
                && Owner(model.Folder ?? "", model.Remote, model.Label, model.Location, user) is { } owner
                && MergeMethods.Find(owner.Method)?.MakesAdapter == true
                ? model with { Folder = null, Remote = null, Merge = owner.Name }
                : model;
        }

        // A folder that is not there yet looks like a repository.
        MergeDeclaration? Owner(string folder, string? remote, string label, SourceLocation location, MergeDeclaration user) =>
            (folder.Length > 0
                ? [folder]
                : remote is null || label.AsSpan().IndexOfAny(':', '\0') >= 0 ? (IEnumerable<string>)[]
                : new[] { location.File, user.ProjectFile }.Select(file =>
                    Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, label))))
            .Select(path => owners.GetValueOrDefault(Real(path)))
            .FirstOrDefault(owner => owner is not null && owner.Name != user.Name);
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
