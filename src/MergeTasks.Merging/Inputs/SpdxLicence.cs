namespace MergeTasks.Merging.Inputs;

/// <summary>The Hub's identifiers of licences as SPDX has them (spdx.org/licenses), which is what a package may name.</summary>
internal static class SpdxLicence
{
    private static readonly string[] Known =
    [
        "MIT",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "BSD-3-Clause-Clear",
        "ISC",
        "Unlicense",
        "Zlib",
        "CC0-1.0",
        "CC-BY-2.0",
        "CC-BY-2.5",
        "CC-BY-3.0",
        "CC-BY-4.0",
        "CC-BY-SA-3.0", "CC-BY-SA-4.0", "CC-BY-NC-2.0", "CC-BY-NC-3.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-2.0", "CC-BY-NC-SA-3.0",
        "CC-BY-NC-SA-4.0", "MPL-2.0", "MS-PL", "EUPL-1.1", "EUPL-1.2",
        "AFL-3.0", "Artistic-2.0", "BSL-1.0", "ECL-2.0", "EPL-1.0", "EPL-2.0", "NCSA", "OFL-1.1", "OSL-3.0", "PostgreSQL", "WTFPL",
    ];

    private static readonly string[] WithLaterVersions = ["GPL-2.0", "GPL-3.0", "LGPL-2.1", "LGPL-3.0", "AGPL-3.0"];

    /// <summary>The SPDX expression of a licence that a card names; <see langword="null"/> where SPDX has none.</summary>
    public static string? Of(string licence) =>
        Array.Find(Known, known => known.Equals(licence, StringComparison.OrdinalIgnoreCase))
        ?? (Array.Find(WithLaterVersions, known => known.Equals(licence, StringComparison.OrdinalIgnoreCase)) is { } family
            ? family + "-only"
            : null);
}
