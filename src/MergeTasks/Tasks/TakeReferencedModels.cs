using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

namespace MergeTasks.Tasks;

/// <summary>
/// Makes sources of the models that other projects give: those that each reference asks for. A reference that gives none is an error.
/// </summary>
[MSBuildMultiThreadableTask]
public sealed class TakeReferencedModels : CancelableTask
{
    /// <summary>The metadata of a source that says which reference gave it.</summary>
    internal const string Reference = "MergeReference";

    private const string ItemType = "ProjectReference";
    private const string Into = "MergeInto";
    private const string From = "FromMerge";

    /// <summary>Full path of the project file.</summary>
    [Required]
    public string ProjectFile { get; set; } = "";

    /// <summary>The references with <c>MergeInto</c>.</summary>
    public ITaskItem[] References { get; set; } = [];

    /// <summary>What the projects returned, with the metadata of the references.</summary>
    public ITaskItem[] Models { get; set; } = [];

    /// <summary>Whether the projects were built, so that what they make is there.</summary>
    public bool WereBuilt { get; set; }

    /// <summary>The models as <c>MergeSource</c> items.</summary>
    [Output]
    public ITaskItem[] Sources { get; set; } = [];

    /// <summary>A reference as an item of the project file.</summary>
    internal static DeclaredItem Declared(string reference, string projectFile) =>
        new(ItemType, reference, new Dictionary<string, string>(), projectFile);

    /// <inheritdoc/>
    protected override void Run(CancellationToken cancellation)
    {
        var (diagnostics, sources) = (new List<Diagnostic>(), new List<ITaskItem>());
        foreach (var (index, reference) in References.Index())
        {
            var given = Models.Where(model => IsOf(reference, model)).DistinctBy(model => model.ItemSpec).ToList();
            var wanted = reference.GetMetadata(From);
            var taken = given.FindAll(model => wanted.Length == 0 || NameOf(model).Equals(wanted, StringComparison.OrdinalIgnoreCase));
            var declared = Declared(reference.ItemSpec, ProjectFile) with
            {
                File = File.Exists(reference.GetMetadata("DefiningProjectFullPath"))
                    ? reference.GetMetadata("DefiningProjectFullPath") : ProjectFile,
                Occurrence = References.Take(index)
                    .Count(earlier => earlier.ItemSpec.Equals(reference.ItemSpec, StringComparison.OrdinalIgnoreCase)),
            };
            if (given.Count == 0)
            {
                diagnostics.Add(new Diagnostic(
                    DiagnosticCode.NoReferencedModel,
                    $"'{reference.ItemSpec}' makes no merged model for '{reference.GetMetadata(Into)}': it declares no MergedModel, has "
                        + "MergeEnabled=false, does not use MergeTasks, or does not exist.",
                    declared.Location));
            }
            else if (taken.Count == 0)
            {
                diagnostics.Add(new Diagnostic(
                    DiagnosticCode.NoReferencedModel,
                    $"'{reference.ItemSpec}' makes no merged model '{wanted}'.{Suggestion.Sentence(wanted, [.. given.Select(NameOf)])}",
                    declared.LocationOf(From)));
            }

            foreach (var missing in taken.Where(model => !WereBuilt && !Directory.Exists(model.ItemSpec)))
            {
                diagnostics.Add(new Diagnostic(
                    DiagnosticCode.OutputMissing,
                    $"The merged model '{NameOf(missing)}' of '{reference.ItemSpec}' has not been made ('{missing.ItemSpec}'). Build that "
                        + "project first: this build does not build references.",
                    declared.Location));
            }

            sources.AddRange(taken.Select(model => SourceOf(model, reference)));
        }

        if (diagnostics.Count > 0)
            throw new DiagnosticException(diagnostics);
        Sources = [.. sources];
    }

    private static string NameOf(ITaskItem model) => model.GetMetadata("MergedModelName");

    // One project may be referred to twice, for two of its models or two merges: MSBuild asks it once for each. Its own note of what was
    // asked (OriginalItemSpec) is the innermost's, where a project has asked its inner builds.
    private static bool IsOf(ITaskItem reference, ITaskItem model) =>
        model.GetMetadata(Reference) == reference.ItemSpec
            && model.GetMetadata(Into) == reference.GetMetadata(Into)
            && model.GetMetadata(From) == reference.GetMetadata(From)
            && model.GetMetadata("As") == reference.GetMetadata("As");

    private static TaskItem SourceOf(ITaskItem model, ITaskItem reference)
    {
        var source = new TaskItem(model);
        source.SetMetadata("Into", reference.GetMetadata(Into));
        source.SetMetadata(Reference, reference.ItemSpec);
        source.RemoveMetadata(Into);
        source.RemoveMetadata(From);
        return source;
    }
}
