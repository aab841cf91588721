using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Importance;
using MergeTasks.Language.Options;
using MergeTasks.Language.Recipes;

namespace MergeTasks.Language.Declarations;

/// <summary>The models that items and recipes name, with their adapters and task data.</summary>
/// <param name="project">The project.</param>
/// <param name="references">Resolves what is written for a model.</param>
/// <param name="report">Receives each finding.</param>
internal sealed class DeclaredModels(ProjectDefaults project, ModelReferences references, Action<Diagnostic> report)
{
    /// <summary>The model of a <c>MergeSource</c>.</summary>
    public ModelDeclaration Source(DeclaredItem source)
    {
        var model = references.Resolve(source.Include, source.Location, project.Folder) with
        {
            Label = source["MergedModelName"] ?? source.Include
        };
        model = WithAdapter(model, source, ItemMetadata.Adapter);
        return model with
        {
            Label = source["As"] ?? model.Label,
            TaskData = source[DataFile.OfTask.Metadata] is { } data
                ? Data(new WrittenOption([data], () => source.LocationOf(DataFile.OfTask.Metadata)), null) : null,
        };
    }

    /// <summary>The base of a <c>MergedModel</c>; <see langword="null"/>: none is named.</summary>
    public ModelDeclaration? Base(DeclaredItem item) => item["Base"] is { } named
        ? WithAdapter(references.Resolve(named, item.LocationOf("Base"), project.Folder), item, ItemMetadata.BaseAdapter)
        : null;

    /// <summary>
    /// What a recipe's models are: sources bind the names that it uses, so that it need not know where a model comes from.
    /// </summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="documents">All recipes of its file, to which the sources belong together.</param>
    /// <param name="sources">The sources.</param>
    public Func<RecipeModel, ModelDeclaration> Of(
        RecipeDocument recipe, IReadOnlyList<RecipeDocument> documents, IReadOnlyList<DeclaredItem> sources)
    {
        var bound = Bind(recipe, documents, sources);
        return model =>
        {
            var named = Resolved(model.Reference, model.Location);
            if (model.Adapter is { } adapter)
                named = ModelReferences.WithAdapter(named, Resolved(adapter.Reference, adapter.Location));
            return model.TaskData is { } data ? named with { TaskData = Data(data, recipe) } : named;
        };

        ModelDeclaration Resolved(string reference, SourceLocation location) => bound.TryGetValue(reference, out var source)
            ? source with { Label = reference, Location = location }
            : references.Resolve(reference, location, FolderOf(recipe), project.Folder);
    }

    /// <summary>The model that an option of a merge names.</summary>
    public ModelDeclaration Of(WrittenOption written, RecipeDocument? recipe) =>
        references.Resolve(written.Text, written.Location, [.. Folders(recipe)]);

    /// <summary>As the model of a source will be called.</summary>
    public static string Label(DeclaredItem source) => source["As"]
        ?? (source["MergedModelName"] ?? source.Include) + (source[ItemMetadata.Adapter] is { } adapter ? $"+{adapter}" : "");

    /// <summary>As a recipe's model will be called.</summary>
    public static string Label(RecipeModel model) =>
        model.Adapter is { } adapter ? $"{model.Reference}+{adapter.Reference}" : model.Reference;

    /// <summary>Where a named file is: beside the recipe, else in the project.</summary>
    public string DataPath(WrittenOption written, RecipeDocument? recipe)
    {
        var candidates = Folders(recipe).Select(folder => UserPath.Full(folder, written.Text, written.Locate)).ToList();
        return candidates.Find(File.Exists) ?? candidates[^1];
    }

    private DataFile Data(WrittenOption written, RecipeDocument? recipe) =>
        new(written.Text, DataPath(written, recipe), written.Location);

    private IEnumerable<string> Folders(RecipeDocument? recipe) => recipe is null ? [project.Folder] : [FolderOf(recipe), project.Folder];

    private static string FolderOf(RecipeDocument recipe) => Path.GetDirectoryName(recipe.Location.File)!;

    private ModelDeclaration WithAdapter(ModelDeclaration model, DeclaredItem item, string metadata) => item[metadata] is { } adapter
        ? ModelReferences.WithAdapter(model, references.Resolve(adapter, item.LocationOf(metadata), project.Folder))
        : model;

    private Dictionary<string, ModelDeclaration> Bind(
        RecipeDocument recipe, IReadOnlyList<RecipeDocument> documents, IReadOnlyList<DeclaredItem> sources)
    {
        var bound = new Dictionary<string, ModelDeclaration>(StringComparer.Ordinal);
        var used = Names(recipe);
        foreach (var source in sources)
        {
            var name = source["As"] ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(source.Include.Replace('\\', '/')));
            if (used.Contains(name))
                bound[name] = Source(source);
            else if (!documents.Any(document => Names(document).Contains(name)))
                report(
                    new Diagnostic(
                        DiagnosticCode.UnknownInto,
                        $"The recipe names no model '{name}' for MergeSource '{source.Include}'.{Suggestion.Sentence(name, used)}",
                        source.Location));
        }

        return bound;

        static List<string> Names(RecipeDocument document) =>
            [.. document.NamedModels.SelectMany(model => new[] { model.Reference, model.Adapter?.Reference }).OfType<string>().Distinct()];
    }
}
