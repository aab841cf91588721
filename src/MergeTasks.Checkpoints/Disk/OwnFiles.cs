using MergeTasks.Files;

namespace MergeTasks.Checkpoints.Disk;

/// <summary>
/// Which files of a model's folder are its own. A link may lead anywhere, also to what its maker may not read and the user of the model
/// may; what a link out of the folder leads to never becomes part of an output.
/// </summary>
internal static class OwnFiles
{
    /// <summary>
    /// Where a file of the folder leads, if that is outside: neither in the folder nor, for a snapshot of the Hub's cache, among its
    /// repository's contents.
    /// </summary>
    /// <param name="folder">The model's folder, which may itself be a link.</param>
    /// <param name="name">The file's name; with '/' where it lies in a folder below.</param>
    /// <returns><see langword="null"/> where the file is the folder's own, or is not there.</returns>
    /// <exception cref="FileFault">Links lead in a circle, or may not be read.</exception>
    public static string? Outside(string folder, string name)
    {
        var path = Path.Combine(folder, name);
        if (!name.Contains('/', StringComparison.Ordinal)
            && FileFault.During(path, FileAct.Read, () => new FileInfo(path).LinkTarget) is null)
            return null;
        var (home, real) = (InputFolder.RealPath(folder), InputFolder.RealPath(path));
        return IsBelow(real, home) || ContentsOf(home).Any(contents => IsBelow(real, contents)) ? null : real;
    }

    // The layout is models--ORG--NAME/snapshots/COMMIT with links to models--ORG--NAME/blobs, and from there into a store 'blobs' beside
    // all repositories where they share contents. The folders of contents are named and not followed, so that they cannot lead elsewhere
    // either.
    private static IReadOnlyList<string> ContentsOf(string home)
    {
        var snapshots = Path.GetDirectoryName(home);
        var repository = Path.GetDirectoryName(snapshots);
        return repository is not null && Path.GetFileName(snapshots) == "snapshots"
            && Path.GetFileName(repository).StartsWith("models--", StringComparison.Ordinal)
            ? [Path.Combine(repository, "blobs"), Path.Combine(Path.GetDirectoryName(repository)!, "blobs")] : [];
    }

    private static bool IsBelow(string path, string folder) =>
        path.StartsWith(Path.TrimEndingDirectorySeparator(folder) + Path.DirectorySeparatorChar, StringComparison.Ordinal);
}
