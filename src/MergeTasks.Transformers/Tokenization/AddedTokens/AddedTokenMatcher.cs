using MergeTasks.Transformers.Tokenization.Text;
using MergeTasks.Transformers.Tokenization.Unicode;

namespace MergeTasks.Transformers.Tokenization.AddedTokens;

/// <summary>Finds added tokens in text: leftmost first, of those that start together the longest.</summary>
internal sealed class AddedTokenMatcher
{
    private readonly Dictionary<(int Node, char Next), int> _trie = [];
    private readonly List<AddedToken?> _tokens = [null];
    private readonly bool[] _starts = new bool[char.MaxValue + 1];

    /// <summary>Adds a token under the text to search for. Of equal texts the first counts.</summary>
    public void Add(string text, AddedToken token)
    {
        if (text.Length == 0) return;
        _starts[text[0]] = true;
        var node = 0;
        foreach (var c in text)
        {
            if (!_trie.TryGetValue((node, c), out var next))
            {
                next = _tokens.Count;
                _tokens.Add(null);
                _trie.Add((node, c), next);
            }

            node = next;
        }

        _tokens[node] ??= token;
    }

    /// <summary>Divides a piece into found tokens and the text between them.</summary>
    public void Split(Piece piece, List<Piece> output)
    {
        var text = piece.Span;
        var done = 0;
        for (var i = 0; i < text.Length;)
        {
            if (!_starts[text[i]] || Longest(text, i, out var end) is not { } token)
            {
                i++;
                continue;
            }

            var start = i;
            i = end;
            if (token.SingleWord && (EndsWithWord(text[..start]) || StartsWithWord(text[end..]))) continue;

            // Space that an earlier token took is not taken twice.
            if (token.StripsLeft) start = Math.Max(text[..start].Length - TrailingSpace(text[..start]), done);
            if (token.StripsRight) end += LeadingSpace(text[end..]);

            // A match that lies wholly in such space is none.
            if (start >= end) continue;
            if (start > done) output.Add(piece.Slice(done, start));
            output.Add(piece.Slice(start, end) with { TokenId = token.Id });
            done = end;
        }

        if (done < text.Length) output.Add(piece.Slice(done, text.Length));
    }

    private AddedToken? Longest(ReadOnlySpan<char> text, int start, out int end)
    {
        end = start;
        AddedToken? found = null;
        var node = 0;
        for (var i = start; i < text.Length && _trie.TryGetValue((node, text[i]), out node); i++)
        {
            if (_tokens[node] is not { } token) continue;
            found = token;
            end = i + 1;
        }

        return found;
    }

    private static bool EndsWithWord(ReadOnlySpan<char> text) =>
        text.Length > 0 && UnicodeSets.WordWithJoiners.Contains(ScalarText.Before(text, text.Length, out _));

    private static bool StartsWithWord(ReadOnlySpan<char> text) =>
        text.Length > 0 && UnicodeSets.WordWithJoiners.Contains(ScalarText.At(text, 0, out _));

    private static int LeadingSpace(ReadOnlySpan<char> text)
    {
        var count = 0;
        while (count < text.Length && UnicodeSets.WhiteSpace.Contains(text[count])) count++;
        return count;
    }

    private static int TrailingSpace(ReadOnlySpan<char> text)
    {
        var count = 0;
        while (count < text.Length && UnicodeSets.WhiteSpace.Contains(text[^(count + 1)])) count++;
        return count;
    }
}
