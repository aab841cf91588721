using MergeTasks.Files;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Methods.BuiltIn;

namespace MergeTasks.Language.Declarations;

/// <summary>
/// Where outputs go. Finds merges that would write over each other's output or over a model that a merge reads, whatever links lead there.
/// </summary>
internal static class OutputFolders
{
    /// <summary>Name of the folder, inside an output folder, where new files are prepared.</summary>
    public const string Prepared = ".partial";

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
            .GroupBy(merge => Real(merge.OutputFolder), InputFolder.Paths)
            .ToDictionary(group => group.Key, group => group.First(), InputFolder.Paths);
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
        var owners = new Dictionary<string, MergeDeclaration>(InputFolder.Paths);
        foreach (var merge in merges)
        {
            if (WhyNoOutput(merge) is { } why)
                yield return new Diagnostic(
                    DiagnosticCode.InvalidName,
                    $"Merge '{merge.Name}' cannot have its output in '{merge.OutputFolder}', {why}. Choose another OutputDirectory.",
                    merge.Location);
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

    /// <summary>
    /// Finds outputs that lie in the cache, which anybody may empty, and models whose folder is the cache, which would be written to.
    /// </summary>
    /// <param name="merges">The merges.</param>
    /// <param name="cacheFolder">Full path of the cache folder.</param>
    public static IEnumerable<Diagnostic> CheckCache(IReadOnlyList<MergeDeclaration> merges, string cacheFolder)
    {
        var cache = Real(cacheFolder);
        foreach (var merge in merges)
        {
            if (IsWithin(Real(merge.OutputFolder), cache))
                yield return new Diagnostic(
                    DiagnosticCode.InvalidName,
                    $"Merge '{merge.Name}' cannot have its output in '{merge.OutputFolder}', because the cache is '{cacheFolder}', which "
                        + "may be emptied at any time. Choose another OutputDirectory or MergeCachePath.",
                    merge.Location);
            else if (merge.References.FirstOrDefault(model =>
                model.Folder is { } folder && InputFolder.Paths.Equals(Real(folder), cache)) is { } read)
                yield return new Diagnostic(
                    DiagnosticCode.InvalidName,
                    $"'{read.Label}' is the cache folder '{cacheFolder}', into which every build writes. Choose another MergeCachePath.",
                    read.Location);
        }
    }

    // Where the project itself lies is no matter.
    private static string? WhyNoOutput(MergeDeclaration merge)
    {
        var real = Real(merge.OutputFolder, out var fault);
        return fault?.Kind == FileFaultKind.BadName ? $"which {fault.Reason}"
            : Path.GetPathRoot(real) == real ? "which is the root of a file system"
            : Path.GetRelativePath(Real(Path.GetDirectoryName(merge.ProjectFile)!), real).Split(Path.DirectorySeparatorChar)
                .Contains(Prepared, InputFolder.Paths) ? $"because a folder '{Prepared}' is where outputs are prepared"
            : null;
    }

    private static bool IsWithin(string path, string folder) =>
        InputFolder.Paths.Equals(path, folder)
            || (path.Length > folder.Length
                && path[folder.Length] == Path.DirectorySeparatorChar
                && InputFolder.Paths.Equals(path[..folder.Length], folder));

    private static string Real(string folder) => Real(folder, out _);

    // A folder that cannot be followed stands for itself: of outputs, names that can be none are told by WhyNoOutput, everything else by
    // whoever wants to read or write there.
    private static string Real(string folder, out FileFault? fault)
    {
        fault = null;
        try
        {
            return InputFolder.RealPath(folder);
        }
        catch (FileFault e)
        {
            fault = e;
            return folder;
        }
    }
}
