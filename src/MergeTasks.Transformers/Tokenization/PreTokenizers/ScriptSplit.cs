using MergeTasks.Transformers.Tokenization.Text;
using MergeTasks.Transformers.Tokenization.Unicode;

namespace MergeTasks.Transformers.Tokenization.PreTokenizers;

/// <summary>
/// Component UnicodeScripts: a piece ends where the next character is of another script. Spaces and characters without a script continue
/// what is before them; those before the first character with a script vanish, as in the reference.
/// </summary>
internal sealed class ScriptSplit : IPreTokenizer
{
    private static readonly Lazy<(int First, int Last, int Script)[]> Scripts = new(Load);

    public List<Piece> Split(List<Piece> pieces) => Splitting.Each(pieces, Split);

    private static void Split(Piece piece, List<Piece> output)
    {
        int? start = null, script = null;
        for (int at = 0, width; at < piece.Length; at += width)
        {
            var codePoint = ScalarText.At(piece.Span, at, out width);
            if (ScriptOf(codePoint) is not { } own || own == script)
                continue;
            if (start is { } before)
                output.Add(piece.Slice(before, at));
            (start, script) = (at, own);
        }

        if (start is { } last)
            output.Add(piece.Slice(last, piece.Length));
    }

    private static int? ScriptOf(int codePoint)
    {
        var ranges = Scripts.Value;
        var (low, high) = (0, ranges.Length - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            if (codePoint < ranges[middle].First)
                high = middle - 1;
            else if (codePoint > ranges[middle].Last)
                low = middle + 1;
            else
                return ranges[middle].Script;
        }

        return null;
    }

    private static (int First, int Last, int Script)[] Load()
    {
        var (ranges, script) = (new List<(int First, int Last, int Script)>(), 0);
        foreach (var line in UnicodeResource.Lines("Scripts.txt"))
        {
            if (line[0] != ' ')
                script++;
            else
                ranges.AddRange(UnicodeResource.Ranges(line).Select(range => (range.First, range.Last, script)));
        }

        return [.. ranges.OrderBy(range => range.First)];
    }
}
