using System.Globalization;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Build;
using Microsoft.Build.Framework;

namespace MergeTasks.Tasks;

/// <summary>Computes one piece of the scores that <see cref="PlanScores"/> lists, or every n-th of them, into the cache.</summary>
[MSBuildMultiThreadableTask]
public sealed class RunScore : DeclaringTask
{
    /// <summary>Full path of the file that says what the phase is doing, where that is on a device.</summary>
    [Required]
    public string RunningFile { get; set; } = "";

    /// <inheritdoc/>
    protected override void Run(CancellationToken cancellation)
    {
        var merges = ReadDeclarations();
        var host = ChooseDevice();
        Directory.CreateDirectory(Path.GetDirectoryName(RunningFile)!);
        using var running = RunningPhase.Begin(RunningFile, host);
        using var progress = new ScoringProgress(Log, "scores", Report, running);
        var isShare = Properties[ProjectProperties.Piece].Contains('/', StringComparison.Ordinal);
        var scorer = new MergeScorer(BuildOf(merges, host, progress.Note));
        foreach (var (piece, isThere) in scorer.Run(Choose, !isShare, progress, cancellation))
            Log.LogMessage(
                MessageImportance.High,
                "{0}  {1}: {2}, {3}: {4}",
                piece.Number,
                piece.Merge,
                piece.Request.Model.Label,
                piece.Request.Phase,
                piece.IsCached ? "was cached" : isThere ? "computed" : $"left, because it needs {string.Join(' ', piece.After)}");
    }

    // A number beyond the last is a mistake; a share of the pieces may be empty.
    private IEnumerable<ScorePiece> Choose(IReadOnlyList<ScorePiece> pieces)
    {
        var text = Properties[ProjectProperties.Piece].Trim();
        if (Number(text) is { } number)
        {
            return number >= 1 && number <= pieces.Count ? [pieces[number - 1]] : throw Invalid(
                $"there {(pieces.Count == 1 ? "is one piece" : $"are {pieces.Count} pieces")}, and none of the number {number}");
        }

        return text.Split('/') is [var own, var all] && Number(own) is { } first && Number(all) is { } count && first >= 1 && first <= count
            ? pieces.Where((_, index) => index % count == first - 1)
            : throw Invalid($"Piece is the number of a piece that PlanScores lists, or i/n for every n-th from the i-th, not '{text}'");
    }

    private static int? Number(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private DiagnosticException Invalid(string what) => new(DiagnosticCode.InvalidValue, $"RunScore: {what}.", Location);
}
