using MergeTasks.Caching;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Files;
using MergeTasks.Sources.References;

namespace MergeTasks.Sources.Hub;

/// <summary>
/// One repository in the folder that Hugging Face's tools share: <c>blobs/</c> with contents named by hash, <c>snapshots/COMMIT/</c> with
/// links to them (or, where links are not to be had, the contents themselves), <c>refs/</c> with the commit of each branch or tag.
/// </summary>
/// <param name="root">The cache folder.</param>
/// <param name="repository">The repository.</param>
/// <remarks>Layout: huggingface.co/docs/hub/local-cache.</remarks>
internal sealed class HubCache(string root, string repository)
{
    private const string Links = "../../blobs/";

    private readonly string _name = "models--" + repository.Replace("/", "--", StringComparison.Ordinal);

    /// <summary>The repository's folder.</summary>
    public string Folder => Path.Combine(root, _name);

    /// <summary>A snapshot's folder.</summary>
    public string Snapshot(string commit) => Path.Combine(Folder, "snapshots", commit);

    /// <summary>A content's file.</summary>
    public string Blob(string hash) => Path.Combine(Folder, "blobs", hash);

    /// <summary>A content that has not come completely; other tools resume the same file.</summary>
    public string Partial(string hash) => Blob(hash) + ".incomplete";

    /// <summary>
    /// The file with the content of one name in a snapshot, links followed; <see langword="null"/> where it is not there.
    /// </summary>
    public string? Find(string commit, string name)
    {
        var file = new FileInfo(Path.Combine(Snapshot(commit), name));
        if (!file.Exists)
            return null;

        // The first link's name is the content's hash; that may itself be a link, into a store of contents that repositories share.
        var target = file.ResolveLinkTarget(returnFinalTarget: false) ?? file;
        return target.Exists ? target.FullName : null;
    }

    /// <summary>The names in a snapshot that have a content.</summary>
    public IReadOnlyList<string> List(string commit) =>
        !Directory.Exists(Snapshot(commit)) ? [] : [.. Directory.EnumerateDirectories(Snapshot(commit))
            .Where(folder => SideFiles.IsSideFolder(Path.GetFileName(folder)))
            .Prepend(Snapshot(commit))
            .SelectMany(Directory.EnumerateFiles)
            .Select(path => Path.GetRelativePath(Snapshot(commit), path).Replace('\\', '/'))
            .Where(name => SafeName.IsPath(name) && Find(commit, name) is not null)
            .Order(StringComparer.Ordinal)];

    /// <summary>The commit that a branch or tag meant when it was last looked up; <see langword="null"/> where nobody did.</summary>
    public string? Ref(string revision)
    {
        try
        {
            var path = Path.Combine(Folder, "refs", revision);
            if (!File.Exists(path))
                return null;
            var commit = InputFile.ReadText(path, InputFile.LongestWritten).Trim();
            return SafeName.IsCommit(commit) ? commit : null;
        }
        catch (Exception e) when (FileFault.Covers(e))
        {
            return null;
        }
    }

    /// <summary>Remembers the commit of a branch or tag.</summary>
    public void SetRef(string revision, string commit)
    {
        var path = Path.Combine(Folder, "refs", revision);
        AtomicFile.WriteIfDifferent(path, System.Text.Encoding.ASCII.GetBytes(commit));
    }

    /// <summary>The lock under which one content is fetched, the same as other tools take.</summary>
    public FileLock Lock(string hash, Action waiting, CancellationToken cancellation) =>
        FileLock.Acquire(Path.Combine(root, ".locks", _name, hash + ".lock"), waiting, cancellation);

    /// <summary>Gives a content its name in a snapshot.</summary>
    public void Link(string commit, string name, string hash)
    {
        if (Find(commit, name) is not null)
            return;
        var path = Path.Combine(Snapshot(commit), name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.Delete(path);
        try
        {
            File.CreateSymbolicLink(path, (name.Contains('/', StringComparison.Ordinal) ? "../" : "") + Links + hash);
        }
        catch (Exception e) when (FileFault.Covers(e) || e is PlatformNotSupportedException)
        {
            // Another process was first, or the system gives no links; without them other tools keep no blobs either.
            if (Find(commit, name) is null)
                File.Move(Blob(hash), path, overwrite: true);
        }
    }
}
