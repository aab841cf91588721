using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using MergeTasks.Caching;

namespace MergeTasks.Merging.Inputs;

/// <summary>How one model's matrices of embeddings become matrices of the output's vocabulary, row by row.</summary>
/// <param name="Own">For each row of the output, the model's own row; −1 for none.</param>
/// <param name="Fills">Where the other rows come from.</param>
/// <param name="IsToken">For each row of the output, whether it stands for a token.</param>
internal sealed record RowMap(int[] Own, IReadOnlyDictionary<int, RowFill> Fills, bool[] IsToken)
{
    private ContentDigest? _digest;
    private int[]? _runEnds;

    /// <summary>Whether a matrix of that many rows stays as it is.</summary>
    public bool IsIdentity(long rows) => Own.Length == rows && Fills.Count == 0 && !Own.Where((row, i) => row != i).Any();

    /// <summary>The models whose rows are used beside the own.</summary>
    public IEnumerable<int> OtherModels => Fills.Values.SelectMany(fill => fill.Rows).Select(row => row.Model).Distinct().Order();

    /// <summary>Identifies the map.</summary>
    public ContentDigest Digest => _digest ??= ComputeDigest();

    /// <summary>The longest stretch of rows from one on that are the model's own and follow each other.</summary>
    public int OwnRun(int row) => (_runEnds ??= RunEnds())[row] - row;

    private int[] RunEnds()
    {
        var ends = new int[Own.Length];
        for (var row = Own.Length - 1; row >= 0; row--)
            ends[row] = row + 1 < Own.Length && Own[row] >= 0 && Own[row + 1] == Own[row] + 1 ? ends[row + 1] : row + 1;
        return ends;
    }

    private ContentDigest ComputeDigest()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"rows 1\n{Own.Length}\n{ContentDigest.Of(MemoryMarshal.AsBytes(Own.AsSpan()))}\n");
        foreach (var (row, fill) in Fills.OrderBy(pair => pair.Key))
            text.Append(CultureInfo.InvariantCulture, $"{row} {fill}\n");
        if (Fills.Values.Any(fill => ReferenceEquals(fill, RowFill.Mean)))
            text.Append(ContentDigest.Of(MemoryMarshal.AsBytes(IsToken.AsSpan())));
        return ContentDigest.Of(text.ToString());
    }
}
