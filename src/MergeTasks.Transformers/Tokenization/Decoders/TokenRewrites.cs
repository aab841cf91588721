using System.Text;
using MergeTasks.Transformers.Tokenization.Patterns;

namespace MergeTasks.Transformers.Tokenization.Decoders;

/// <summary>What the components Metaspace, WordPiece, BPEDecoder, Strip and Replace do to single tokens.</summary>
internal static class TokenRewrites
{
    private static readonly (string From, string To)[] CleanUps =
    [
        (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"), (" do not", " don't"),
        (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
    ];

    /// <summary>Marks become spaces; the first token's vanish where encoding prepends one.</summary>
    public static string Metaspace(string token, int index, Rune mark, bool prepends) =>
        token.Replace(mark.ToString(), index == 0 && prepends ? "" : " ", StringComparison.Ordinal);

    /// <summary>Words are spaced, continuations lose their prefix.</summary>
    public static string WordPiece(string token, int index, string prefix, bool cleansUp)
    {
        if (index > 0) token = token.StartsWith(prefix, StringComparison.Ordinal) ? token[prefix.Length..] : " " + token;
        return cleansUp ? CleanUp(token) : token;
    }

    /// <summary>The suffix that ends words becomes a space, and nothing in the last token.</summary>
    public static string WordSuffix(string token, int index, int count, string suffix) =>
        token.Replace(suffix, index == count - 1 ? "" : " ", StringComparison.Ordinal);

    /// <summary>Takes up to so many of one character from the start and the end of a token.</summary>
    public static string Strip(string token, Rune content, int start, int stop)
    {
        var runes = token.EnumerateRunes().ToArray();
        var from = 0;
        while (from < Math.Min(start, runes.Length) && runes[from] == content) from++;
        var to = runes.Length;
        while (to > from && runes.Length - to < stop && runes[to - 1] == content) to--;
        return string.Concat(runes[from..to].Select(r => r.ToString()));
    }

    public static string Replace(string token, ITextPattern pattern, string replacement)
    {
        var ranges = new List<TextRange>();
        pattern.FindMatches(token, ranges);
        var builder = new StringBuilder(token.Length);
        foreach (var (start, end, isMatch) in ranges)
        {
            if (isMatch) builder.Append(replacement);
            else builder.Append(token, start, end - start);
        }

        return builder.ToString();
    }

    /// <summary>Removes the spaces that tokenizing put before English punctuation and contractions.</summary>
    public static string CleanUp(string text)
    {
        foreach (var (from, to) in CleanUps) text = text.Replace(from, to, StringComparison.Ordinal);
        return text;
    }
}
