using System.Globalization;
using MergeTasks.Merging.Build;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

namespace MergeTasks.Tasks;

/// <summary>Lists the scores that merges need as pieces that machines may compute side by side.</summary>
[MSBuildMultiThreadableTask]
public sealed class PlanScores : DeclaringTask
{
    /// <summary>The pieces, by number, with what is known of them before a model runs.</summary>
    [Output]
    public ITaskItem[] Pieces { get; set; } = [];

    /// <inheritdoc/>
    protected override void Run(CancellationToken cancellation)
    {
        var pieces = BuildOf(ReadDeclarations(), ChooseDevice()).PlanScores(cancellation);
        foreach (var piece in pieces)
            Log.LogMessage(MessageImportance.High, "{0}", Line(piece));
        Log.LogMessage(
            MessageImportance.High,
            "{0} pieces, {1} of them to compute: -t:RunScore -p:Piece=N runs one, -p:Piece=i/n every n-th.",
            pieces.Count,
            pieces.Count(piece => !piece.IsCached));
        Pieces = [.. pieces.Select(ToItem)];
    }

    private static string Line(ScorePiece piece)
    {
        var after = piece.After.Count > 0 ? $", after {string.Join(' ', piece.After)}" : "";
        return $"{piece.Number,4}  {piece.Merge}: {piece.Request.Model.Label}, {piece.Request.Phase}"
            + (piece.IsCached ? ": cached" : $": {piece.Request.Work()}{after}");
    }

    private static TaskItem ToItem(ScorePiece piece)
    {
        var item = new TaskItem(piece.Number.ToString(CultureInfo.InvariantCulture));
        item.SetMetadata("Merge", piece.Merge);
        item.SetMetadata("Model", piece.Request.Model.Label);
        item.SetMetadata("Score", piece.Request.Phase);
        item.SetMetadata("Data", piece.Request.Data?.Label ?? "");
        item.SetMetadata("Key", piece.Request.Key.Digest.ToString());
        item.SetMetadata("Cached", piece.IsCached ? "true" : "false");
        item.SetMetadata("Tokens", piece.Request.Work().Tokens.ToString(CultureInfo.InvariantCulture));
        item.SetMetadata("After", string.Join(';', piece.After));
        return item;
    }
}
