using MergeTasks.Language.Searching;

namespace MergeTasks.Language.Declarations;

/// <summary>The user's own files and folders that merges read: models of local folders, samples and texts, recipes.</summary>
internal static class DeclaredFiles
{
    /// <summary>Full paths of the folders of models and adapters that come neither from elsewhere nor from another merge.</summary>
    public static IEnumerable<string> ModelFolders(IReadOnlyList<MergeDeclaration> merges) => merges
        .SelectMany(merge => merge.References)
        .SelectMany(model => new[]
        {
            model is { Remote: null, Merge: null } ? model.Folder : null,
            model.Adapter is { Remote: null, Folder.Length: > 0 } adapter ? adapter.Folder : null,
        })
        .OfType<string>()
        .Distinct();

    /// <summary>Full paths of single files.</summary>
    /// <param name="project">The project.</param>
    /// <param name="merges">Its merges.</param>
    /// <param name="evaluations">Its <c>MergeEvaluation</c> items.</param>
    public static IEnumerable<string> Files(
        ProjectDefaults project, IReadOnlyList<MergeDeclaration> merges, IReadOnlyList<DeclaredItem> evaluations) => merges
        .Select(merge => merge.Location.File)
        .Where(file => file != project.ProjectFile)
        .Concat(merges.Select(merge => merge.Aim?.Calibration.Path).OfType<string>())
        .Concat(merges.SelectMany(merge => merge.References).Select(model => model.TaskData?.Path).OfType<string>())
        .Concat(merges.SelectMany(merge => merge.Mixture?.Experts ?? []).SelectMany(expert => expert.Files))
        .Concat(merges.Select(merge => merge.Search).OfType<SearchDeclaration>()
            .SelectMany(search => search.Data.Select(data => data.Path).Append(search.File)))
        .Concat(evaluations.Select(item => UserPath.Full(project.Folder, item.Include, () => item.Location)))
        .Distinct();
}
