using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Recipes;

namespace MergeTasks.Language.Declarations;

/// <summary>A merge before its declaration is read: an item, or one document of the recipe file that an item names.</summary>
/// <param name="Item">The item.</param>
/// <param name="Name">The merge's name.</param>
internal sealed record DeclaredMerge(DeclaredItem Item, string Name)
{
    /// <summary>The item's place among the project's merges, from 0.</summary>
    public int Index { get; init; }

    /// <summary>The recipe; <see langword="null"/> where the item itself says everything, or the file could not be read.</summary>
    public RecipeDocument? Recipe { get; init; }

    /// <summary>All documents of the recipe's file.</summary>
    public IReadOnlyList<RecipeDocument> Documents { get; init; } = [];

    /// <summary>Whether another document of the file takes the output as a model, so that it is only a step.</summary>
    public bool IsIntermediate =>
        Documents.Count > 1
            && Documents.Any(document =>
                document != Recipe && document.NamedModels.Any(model => model.Reference.Equals(Name, StringComparison.OrdinalIgnoreCase)));

    /// <summary>Where the name comes from.</summary>
    public SourceLocation Location => Recipe?.Name?.Location ?? Item.Location;

    /// <summary>Full path of an item's recipe file; <see langword="null"/> for an item that is none.</summary>
    public static string? RecipePath(ProjectDefaults project, DeclaredItem item) =>
        item.Include.EndsWith(".yml", StringComparison.OrdinalIgnoreCase)
            || item.Include.EndsWith(".yaml", StringComparison.OrdinalIgnoreCase)
            ? UserPath.Full(project.Folder, item.Include, () => item.Location) : null;

    /// <summary>
    /// The merges that an item declares. A recipe file with several documents declares one each, named by <c>name</c>; one of them may have
    /// no name and gets the item's.
    /// </summary>
    public static IReadOnlyList<DeclaredMerge> Of(ProjectDefaults project, DeclaredItem item, Action<Diagnostic> report)
    {
        if (RecipePath(project, item) is not { } path)
            return [new DeclaredMerge(item, item["MergedModelName"] ?? item.Include)];
        var name = item["MergedModelName"] ?? Path.GetFileNameWithoutExtension(path);
        try
        {
            if (!File.Exists(path))
                throw new DiagnosticException(DiagnosticCode.RecipeUnreadable, $"The recipe '{path}' does not exist.", item.Location);
            var documents = RecipeReader.Read(path);
            foreach (var unnamed in documents.Where(document => document.Name is null).Skip(1))
                report(
                    new Diagnostic(
                        DiagnosticCode.MissingKey,
                        "Of several documents in a file only one may do without a 'name'; the others are named, and can use each other's "
                            + "output by these names.",
                        unnamed.Location));
            if (documents.Count > 1 && documents.All(document => document.Name is not null) && item["MergedModelName"] is not null)
                report(
                    ItemMetadata.Invalid(
                        item,
                        "MergedModelName",
                        "all documents of this recipe have names of their own, so MergedModelName would name none."));
            return [.. documents.Select(document =>
                new DeclaredMerge(
                    item, documents.Count == 1 ? item["MergedModelName"] ?? document.Name?.Text ?? name : document.Name?.Text ?? name)
                    {
                        Recipe = document, Documents = documents
                    })];
        }
        catch (DiagnosticException e)
        {
            foreach (var diagnostic in e.Diagnostics)
                report(diagnostic);
            return [new DeclaredMerge(item, name)];
        }
    }
}
