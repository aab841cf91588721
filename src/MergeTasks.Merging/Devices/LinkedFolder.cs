using System.Globalization;
using MergeTasks.Caching;
using MergeTasks.Files;

namespace MergeTasks.Merging.Devices;

/// <summary>
/// One folder with the files of several: libraries that packages split over folders of their own look for each other beside themselves.
/// </summary>
internal static class LinkedFolder
{
    private const string Name = "libraries";
    private const int NameLength = 16;

    /// <summary>Makes the folder, unless it exists: its name is a digest of the files' paths, sizes and times.</summary>
    /// <param name="folders">Full paths of the folders; of files with one name the first counts.</param>
    /// <param name="cacheFolder">The user's cache folder, below which it is made.</param>
    /// <returns>Its full path.</returns>
    /// <exception cref="IOException">A folder cannot be read or made.</exception>
    /// <exception cref="UnauthorizedAccessException">Likewise.</exception>
    public static string Of(IEnumerable<string> folders, string cacheFolder) => Of(folders, cacheFolder, Link);

    /// <summary>Removes all of them.</summary>
    public static void Clean(string cacheFolder)
    {
        if (Directory.Exists(Path.Combine(cacheFolder, Name)))
            Directory.Delete(Path.Combine(cacheFolder, Name), recursive: true);
    }

    internal static string Of(IEnumerable<string> folders, string cacheFolder, Action<string, string> link)
    {
        var files = folders.SelectMany(folder =>
            new DirectoryInfo(folder).EnumerateFiles().OrderBy(file => file.Name, StringComparer.Ordinal))
            .DistinctBy(file => file.Name, StringComparer.Ordinal).ToList();
        var text = string.Concat(
            files.Select(file =>
                string.Create(CultureInfo.InvariantCulture, $"{file.FullName}\n{file.Length} {file.LastWriteTimeUtc.Ticks}\n")));
        var target = Path.Combine(cacheFolder, Name, ContentDigest.Of(text).ToString()[..NameLength]);
        if (Directory.Exists(target))
            return target;
        var prepared = $"{target}.{Guid.NewGuid():N}.tmp";
        Directory.CreateDirectory(prepared);
        foreach (var file in files)
            link(Path.Combine(prepared, file.Name), file.FullName);
        try
        {
            Directory.Move(prepared, target);
        }
        catch (IOException) when (Directory.Exists(target))
        {
            // Another build was faster.
            Directory.Delete(prepared, recursive: true);
        }

        return target;
    }

    // Windows allows links to administrators and in developer mode only.
    private static void Link(string path, string file)
    {
        try
        {
            File.CreateSymbolicLink(path, file);
        }
        catch (Exception e) when (FileFault.Covers(e))
        {
            File.Copy(file, path);
        }
    }
}
