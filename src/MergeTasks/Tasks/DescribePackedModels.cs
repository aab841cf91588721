using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Outputs;
using MergeTasks.Sources;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

namespace MergeTasks.Tasks;

/// <summary>Where merged models lie in a package, and what it says of itself: from what they were merged, and their licence where it is one.</summary>
[MSBuildMultiThreadableTask]
public sealed class DescribePackedModels : CancelableTask
{
    private const string ModelTag = "mergetasks-model";

    /// <summary>The packed files.</summary>
    public ITaskItem[] Files { get; set; } = [];

    /// <summary>The files with their <c>PackagePath</c>: of a model that several builds of the project make, one.</summary>
    [Output]
    public ITaskItem[] Packed { get; set; } = [];

    /// <summary>A sentence about each model.</summary>
    [Output]
    public string Description { get; set; } = "";

    /// <summary>The models that they were merged from, in the form of package tags.</summary>
    [Output]
    public string Tags { get; set; } = "";

    /// <summary>The SPDX expression of the licence that all of them name; empty where there is none.</summary>
    [Output]
    public string LicenseExpression { get; set; } = "";

    /// <summary>The model card's path in the package, where there is one model.</summary>
    [Output]
    public string Readme { get; set; } = "";

    /// <inheritdoc/>
    protected override void Run(CancellationToken cancellation)
    {
        // Of one model, where a reference without a name looks for it.
        var isOnly = Files.Select(NameOf).Distinct(StringComparer.OrdinalIgnoreCase).Count() == 1;
        Packed = [
            .. Files.DistinctBy(file => (NameOf(file), file.GetMetadata("FileInModel"))).Select(file =>
            {
                var item = new TaskItem(file);
                item.SetMetadata("PackagePath", $"content/{(isOnly ? "model" : $"models/{NameOf(file)}")}/{file.GetMetadata("FileInModel")}");
                return item;
            })];
        var packed = Packed.Where(file => Path.GetFileName(file.ItemSpec) == MergedFiles.Manifest).ToList();
        var manifests = packed.ConvertAll(file => MergeManifest.Read(Path.GetDirectoryName(file.ItemSpec)!))
            .OfType<MergeManifest>()
            .ToList();
        var inputs = manifests.SelectMany(manifest => manifest.Inputs).ToList();
        Description = string.Join(
            " ",
            manifests.Select(manifest =>
                $"{manifest.Name}: a model merged with {manifest.Tool} from {string.Join(", ", manifest.Inputs.Select(NameOf))}."));
        Tags = string.Join(
            ' ',
            inputs.Select(input => $"base-model:{NameOf(input)}").Where(tag => !tag.Any(char.IsWhiteSpace)).Distinct().Prepend(ModelTag));
        var licences = inputs.Select(input => input.Licences is [var only] ? SpdxLicence.Of(only) : null).Distinct().ToList();
        LicenseExpression = licences is [{ } licence] ? licence : "";
        Readme = packed is [var single]
            ? Path.Combine(Path.GetDirectoryName(single.GetMetadata("PackagePath"))!, MergedFiles.Card).Replace('\\', '/')
            : "";
    }

    private static string NameOf(ITaskItem file) => file.GetMetadata("MergedModelName");

    // A reference with what it meant; a folder by its name, because its path is nobody else's business.
    private static string NameOf(ManifestInput input) =>
        input.Source is { } source
            ? SourceSchemes.Of(source.Reference, (scheme, reference) => scheme.Pinned(reference, source.Resolved)) ?? source.Reference
        : Path.GetFileName(Path.TrimEndingDirectorySeparator(input.Model.Replace('\\', '/')));
}
