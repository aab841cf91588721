using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Outputs;
using MergeTasks.Sources;
using Microsoft.Build.Framework;

namespace MergeTasks.Tasks;

/// <summary>What a package of merged models says of itself: from what they were merged, and their licence where it is one.</summary>
[MSBuildMultiThreadableTask]
public sealed class DescribePackedModels : CancelableTask
{
    private const string ModelTag = "mergetasks-model";

    /// <summary>The packed files.</summary>
    public ITaskItem[] Files { get; set; } = [];

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
        var packed = Files.Where(file => Path.GetFileName(file.ItemSpec) == MergedFiles.Manifest).ToList();
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

    // A reference with what it meant; a folder by its name, because its path is nobody else's business.
    private static string NameOf(ManifestInput input) =>
        input.Source is { } source
            ? SourceSchemes.Of(source.Reference, (scheme, reference) => scheme.Pinned(reference, source.Resolved)) ?? source.Reference
        : Path.GetFileName(Path.TrimEndingDirectorySeparator(input.Model.Replace('\\', '/')));
}
