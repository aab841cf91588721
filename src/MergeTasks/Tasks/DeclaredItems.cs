using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using Microsoft.Build.Framework;

namespace MergeTasks.Tasks;

/// <summary>Project items as the library sees them.</summary>
internal static class DeclaredItems
{
    public static IReadOnlyList<DeclaredItem> From(string type, ITaskItem[] items, string projectFile)
    {
        var declared = new List<DeclaredItem>(items.Length);
        foreach (var item in items)
        {
            var metadata = item.MetadataNames
                .Cast<string>()
                .Where(IsDeclared)
                .ToDictionary(name => name, item.GetMetadata, StringComparer.OrdinalIgnoreCase);

            // Items that come through <ProjectReference MergeInto="…"> carry the reference's metadata.
            if (metadata.Remove("MergeInto", out var into) && into.Length > 0)
                metadata["Into"] = into;
            if (metadata.Remove("FromMerge", out var wanted)
                && wanted.Length > 0
                && !wanted.Equals(item.GetMetadata("MergedModelName"), StringComparison.OrdinalIgnoreCase))
                continue;
            var file = item.GetMetadata("DefiningProjectFullPath");
            declared.Add(new DeclaredItem(type, item.ItemSpec, metadata, file.Length > 0 && into is null ? file : projectFile)
            {
                Occurrence = declared.Count(earlier => earlier.Include.Equals(item.ItemSpec, StringComparison.OrdinalIgnoreCase)),
            });
        }

        CheckReferences(declared);
        return declared;
    }

    /// <summary>Whether a metadata name is one that projects set, and none that every item has.</summary>
    public static bool IsDeclared(string name) =>
        name is not ("FullPath" or "RootDir" or "Filename" or "Extension" or "RelativeDir" or "Directory" or "RecursiveDir"
        or "Identity" or "ModifiedTime" or "CreatedTime" or "AccessedTime")
            && !name.StartsWith("DefiningProject", StringComparison.Ordinal);

    // A project with several merges, all taken under one name, is a mistake that would otherwise show as an odd merge.
    private static void CheckReferences(List<DeclaredItem> items)
    {
        foreach (var group in items.Where(item => item["OriginalItemSpec"] is not null && item["As"] is not null)
            .GroupBy(item => (item["MSBuildSourceProjectFile"], item["Into"], item["As"])))
        {
            if (group.Skip(1).Any())
            {
                var names = string.Join(", ", group.Select(item => item["MergedModelName"]));
                throw new DiagnosticException(DiagnosticCode.UnknownInto,
                    $"The project '{group.Key.Item1}' makes several merged models ({names}); choose one with FromMerge=\"…\" on the "
                        + "ProjectReference.", new SourceLocation(group.First().File));
            }
        }
    }
}
