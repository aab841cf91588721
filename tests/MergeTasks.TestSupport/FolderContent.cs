using System.Security.Cryptography;
using MergeTasks.Caching;
using MergeTasks.Merging.Inputs;

namespace MergeTasks.TestSupport;

/// <summary>
/// What a folder holds, hidden files and subfolders included, for comparing one state of it with another. The record of whose an output is
/// does not count: it names the place where the output lies.
/// </summary>
internal static class FolderContent
{
    /// <summary>Path below the folder to the SHA-256 of the file; subfolders end in a slash.</summary>
    public static SortedDictionary<string, string> Of(string folder)
    {
        var content = new SortedDictionary<string, string>(StringComparer.Ordinal);
        if (!Directory.Exists(folder))
            return content;
        foreach (var path in Directory.EnumerateFileSystemEntries(folder, "*", SearchOption.AllDirectories))
        {
            var name = Path.GetRelativePath(folder, path).Replace('\\', '/');
            if (Directory.Exists(path))
            {
                content[name + "/"] = "";
                continue;
            }

            if (Path.GetFileName(path) == MergedFiles.Owner)
                continue;
            using var file = File.OpenRead(path);
            content[name] = Convert.ToHexStringLower(SHA256.HashData(file));
        }

        return content;
    }

    /// <summary>File name to stamp: a file that was rewritten, if only with the same bytes, has another.</summary>
    public static Dictionary<string, FileStamp> StampsOf(string folder) =>
        Directory.EnumerateFiles(folder)
            .Where(path => Path.GetFileName(path) != MergedFiles.Owner)
            .ToDictionary(path => Path.GetFileName(path)!, path => FileStamp.Of(path)!.Value);
}
