using MergeTasks.Merging;
using Microsoft.Build.Framework;

namespace MergeTasks;

/// <summary>Computes the scores that one merge needs and the cache lacks; a phase of a generated project.</summary>
[MSBuildMultiThreadableTask]
public sealed class ScoreImportance : CancelableTask
{
    /// <summary>The merge.</summary>
    [Required]
    public string MergeName { get; set; } = "";

    /// <summary>Full path of the file with the project's declarations.</summary>
    [Required]
    public string Declarations { get; set; } = "";

    /// <summary>The cache folder.</summary>
    [Required]
    public string CachePath { get; set; } = "";

    /// <summary>Most bytes of scores that the cache keeps; empty for the default.</summary>
    public string CacheMaxSize { get; set; } = "";

    /// <summary>Threads to use; 0 for one per core.</summary>
    public int Threads { get; set; }

    /// <summary>Whether scores are computed again although they are cached.</summary>
    public bool Refresh { get; set; }

    /// <inheritdoc/>
    protected override void Run(CancellationToken cancellation)
    {
        var merges = GeneratedProjects.ReadDeclarations(Declarations);
        var build = new MergeBuild(merges, CacheFolder(CachePath), Threads)
        {
            CacheUnwritable = ReportUnwritableCache,
            CacheSizeLimit = CacheLimit(CacheMaxSize),
            RefreshesScores = Refresh,
        };
        using var progress = new ScoringProgress(Log, MergeName, Report);
        build.Score(MergeName, progress, cancellation);
    }
}
