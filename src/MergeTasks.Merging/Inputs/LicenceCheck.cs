using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Merging.Inputs;

/// <summary>
/// Warns of licences under which a merge may not be passed on: those that forbid derivatives, and those that each want the derivative for
/// themselves. It knows the Hub's identifiers, and says nothing of licences that it does not know.
/// </summary>
internal static class LicenceCheck
{
    // A derivative must be under the same licence; most let it be a later version.
    private static readonly string[] ShareAlike = ["agpl", "gpl", "cc-by-sa", "cc-by-nc-sa", "eupl", "osl"];

    // What may become part of a work under another licence.
    private static readonly string[] Permissive =
        [
            "mit",
            "apache",
            "bsd",
            "isc",
            "unlicense",
            "cc0",
            "cc-by-1",
            "cc-by-2",
            "cc-by-3",
            "cc-by-4",
            "wtfpl",
            "zlib",
            "bsl",
            "artistic",
            "afl",
            "ecl",
            "ncsa",
            "postgresql",
            "pddl",
            "odc-by",
            "cdla-permissive",
            "lgpl",
            "mpl",
            "ms-pl"
        ];

    /// <summary>What is to be said of a merge's licences.</summary>
    public static IEnumerable<Diagnostic> Of(MergeDeclaration merge, IReadOnlyList<ModelLicence> licences)
    {
        foreach (var licence in licences.Where(licence =>
            licence.Licence.Contains("-nd", StringComparison.Ordinal)
                || licence.Licence.Contains("noderivative", StringComparison.Ordinal)))
            yield return Warning(
                merge, $"the licence '{licence.Licence}' of '{licence.Model}' forbids passing on derivatives, and a merge is one.");
        foreach (var strict in licences.Where(licence => Family(licence) is not null).DistinctBy(licence => licence.Licence))
        {
            foreach (var other in licences.Where(other => other.Licence != strict.Licence && !Permits(other, strict))
                .DistinctBy(other => other.Licence))
            {
                // Two licences of this kind are one finding.
                if (Family(other) is null || string.CompareOrdinal(strict.Licence, other.Licence) < 0)
                    yield return Warning(
                        merge,
                        $"the licence '{strict.Licence}' of '{strict.Model}' wants a derivative to be under it too, which "
                            + $"'{other.Licence}' of '{other.Model}' does not allow.");
            }
        }
    }

    private static string? Family(ModelLicence licence) =>
        Array.Find(ShareAlike, family => licence.Licence.StartsWith(family + "-", StringComparison.Ordinal) || licence.Licence == family);

    private static bool Permits(ModelLicence other, ModelLicence strict)
    {
        if (Array.Exists(Permissive, name => other.Licence.StartsWith(name, StringComparison.Ordinal)))
            return !(other.Licence.StartsWith("apache", StringComparison.Ordinal) && strict.Licence == "gpl-2.0");
        var (theirs, ours) = (Family(other), Family(strict));
        if ((theirs is "gpl" or "agpl") && (ours is "gpl" or "agpl"))
            return other.Licence.EndsWith("-3.0", StringComparison.Ordinal) && strict.Licence.EndsWith("-3.0", StringComparison.Ordinal);
        return theirs == ours && ours is not null;
    }

    private static Diagnostic Warning(MergeDeclaration merge, string what) =>
        new(
            DiagnosticCode.Licences,
            $"Merge '{merge.Name}': {what} Read both licences before you pass the merge on.",
            merge.Location,
            IsWarning: true);
}
