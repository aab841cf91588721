using MergeTasks.Transformers.Tokenization.Patterns;
using MergeTasks.Transformers.Tokenization.Text;

namespace MergeTasks.Transformers.Tokenization.PreTokenizers;

/// <summary>What becomes of the matches when text is split at them.</summary>
internal enum SplitBehavior
{
    Removed,
    Isolated,
    MergedWithPrevious,
    MergedWithNext,
    Contiguous,
}

/// <summary>Splits pieces at the matches of a pattern.</summary>
internal static class Splitting
{
    /// <summary>Splits every piece that is not a token.</summary>
    public static List<Piece> Split(List<Piece> pieces, ITextPattern pattern, SplitBehavior behavior, bool invert = false)
    {
        var ranges = new List<TextRange>();
        return Each(pieces, (piece, output) => Split(piece, pattern, behavior, invert, ranges, output));
    }

    /// <summary>Splits every piece that is not a token in a way of its own, which adds what it makes of one to a list.</summary>
    public static List<Piece> Each(List<Piece> pieces, Action<Piece, List<Piece>> split)
    {
        var output = new List<Piece>(pieces.Count * 2);
        foreach (var piece in pieces)
        {
            if (piece.IsToken) output.Add(piece);
            else split(piece, output);
        }

        return output;
    }

    private static void Split(
        Piece piece, ITextPattern pattern, SplitBehavior behavior, bool invert, List<TextRange> ranges, List<Piece> output)
    {
        ranges.Clear();
        pattern.FindMatches(piece.Span, ranges);
        if (invert)
        {
            for (var i = 0; i < ranges.Count; i++) ranges[i] = ranges[i] with { IsMatch = !ranges[i].IsMatch };
        }

        foreach (var (start, end, isMatch) in Merge(ranges, behavior))
        {
            if (end > start && !(isMatch && behavior == SplitBehavior.Removed)) output.Add(piece.Slice(start, end));
        }
    }

    private static List<TextRange> Merge(List<TextRange> ranges, SplitBehavior behavior)
    {
        switch (behavior)
        {
            case SplitBehavior.Contiguous:
                return MergeForwards(ranges, (isMatch, previous) => isMatch == previous);
            case SplitBehavior.MergedWithPrevious:
                return MergeForwards(ranges, (isMatch, previous) => isMatch && !previous);
            case SplitBehavior.MergedWithNext:
                ranges.Reverse();
                var merged = MergeForwards(ranges, (isMatch, previous) => isMatch && !previous);
                merged.Reverse();
                return merged;
            default:
                return ranges;
        }
    }

    /// <summary>Joins a range to the one before it in the list where <paramref name="joins"/> says so of the two.</summary>
    private static List<TextRange> MergeForwards(List<TextRange> ranges, Func<bool, bool, bool> joins)
    {
        var merged = new List<TextRange>(ranges.Count);
        var previous = false;
        foreach (var range in ranges)
        {
            if (merged.Count > 0 && joins(range.IsMatch, previous))
                merged[^1] = new(Math.Min(merged[^1].Start, range.Start), Math.Max(merged[^1].End, range.End), IsMatch: false);
            else
                merged.Add(range with { IsMatch = false });
            previous = range.IsMatch;
        }

        return merged;
    }
}
