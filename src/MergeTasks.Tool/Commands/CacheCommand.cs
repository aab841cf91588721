using System.CommandLine;
using MergeTasks.Caching;
using MergeTasks.Files;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Options;
using MergeTasks.Merging.Devices;
using MergeTasks.Tool.Terminal;

namespace MergeTasks.Tool.Commands;

/// <summary><c>cache</c>: where scores and digests are kept, and how large that is.</summary>
internal sealed class CacheCommand : ToolCommand
{
    private readonly Option<bool> _clean = new("--clean") { Description = "Remove everything that is cached." };
    private readonly Option<string?> _cache = new("--cache")
    {
        Description = $"The folder; default: {CacheFolder.EnvironmentVariable}, else the user's cache folder.",
        HelpName = "folder",
    };

    public CacheCommand(Streams streams)
        : base("cache", "Show where scores and digests are kept and how much that is, or remove them.", streams)
    {
        Options.Add(_clean);
        Options.Add(_cache);
    }

    protected override int Run(ParseResult parsed, Screen screen, CancellationToken cancellation)
    {
        var folder = CacheFolder.Resolve(
            parsed.GetValue(_cache) is { } own ? Path.GetFullPath(own, screen.Streams.Folder) : null, Environment.GetEnvironmentVariable);
        try
        {
            var (scores, digests) = (ContentStore.Size(folder), DigestMemo.Count(folder));
            var isCleaned = parsed.GetValue(_clean);
            if (isCleaned)
            {
                LinkedFolder.Clean(folder);
                ContentStore.Clean(folder);
            }

            screen.Show(
                new { folder, scores = scores.Entries, scoreBytes = scores.Bytes, digests, isCleaned },
                () => screen.Line(
                    $"{folder}: {scores.Entries} scores, {ByteSize.Format(scores.Bytes)}; digests of {digests} files"
                        + (isCleaned ? "; removed." : ".")));
            return ExitCode.Done;
        }
        catch (Exception e) when (FileFault.Covers(e))
        {
            throw new DiagnosticException(
                FileDiagnostics.Of(
                    DiagnosticCode.CacheNotCleaned, "The cache cannot be looked at or removed: ", e, folder, FileAct.Delete, null));
        }
    }
}
