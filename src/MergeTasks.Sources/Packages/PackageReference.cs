using System.Text.RegularExpressions;
using MergeTasks.Sources.References;

namespace MergeTasks.Sources.Packages;

/// <summary>A model in a NuGet package.</summary>
/// <param name="Id">The package.</param>
/// <param name="Version">
/// One version (<c>1.2.0</c>), or a range as NuGet writes it (<c>[1.0,2.0)</c>, <c>1.*</c>), of which restoring takes what NuGet takes: the
/// lowest version of an interval, the highest that a <c>*</c> fits.
/// </param>
/// <param name="Model">Which of several models in the package; <see langword="null"/> for the only one.</param>
internal sealed partial record PackageReference(string Id, string Version, string? Model) : ModelReference
{
    /// <inheritdoc/>
    public override string Key => $"nuget:{Id}/{Version}" + (Model is null ? "" : $"/{Model}");

    /// <summary>Whether only one version fits.</summary>
    public bool IsExact => ExactVersion().IsMatch(Version);

    internal static PackageReference Parse(string text, string written)
    {
        var parts = text.Split('/');
        if (parts.Length is not (2 or 3) || !PackageId().IsMatch(parts[0]))
        {
            throw new SourceException(SourceError.BadReference,
                $"'{written}' does not name a package: write nuget:Id/1.2.0 (a version, or a range such as [1.0,2.0)), and /name after "
                    + "it where the package holds several models.");
        }

        var reference = new PackageReference(
            parts[0], parts[1].Replace(" ", "", StringComparison.Ordinal), parts.Length == 3 ? parts[2] : null);
        if (!reference.IsExact && !VersionRange().IsMatch(reference.Version))
            throw new SourceException(
                SourceError.BadReference,
                $"'{written}': '{parts[1]}' is neither a version such as 1.2.0 nor a range such as [1.0,2.0) or 1.*.");
        if (reference.Model is { } model && !SafeName.IsFileName(model))
            throw new SourceException(SourceError.BadReference, $"'{written}': '{model}' cannot be the name of a model.");
        return reference;
    }

    [GeneratedRegex(@"^[A-Za-z0-9_]+([_.-][A-Za-z0-9_]+)*\z")]
    private static partial Regex PackageId();

    [GeneratedRegex(@"^[0-9]+(\.[0-9]+){0,3}(-[0-9A-Za-z.-]+)?\z")]
    private static partial Regex ExactVersion();

    [GeneratedRegex(@"^([\[(][0-9A-Za-z.,*-]+[\])]|[0-9.]*\*[0-9A-Za-z.*-]*|[0-9][0-9A-Za-z.-]*\*)\z")]
    private static partial Regex VersionRange();
}
