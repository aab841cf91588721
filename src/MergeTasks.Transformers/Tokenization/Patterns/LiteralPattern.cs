namespace MergeTasks.Transformers.Tokenization.Patterns;

/// <summary>Searches for a fixed, non-empty text, code unit by code unit.</summary>
internal sealed class LiteralPattern(string literal) : ITextPattern
{
    public void FindMatches(ReadOnlySpan<char> text, List<TextRange> ranges)
    {
        var previous = 0;
        while (text[previous..].IndexOf(literal, StringComparison.Ordinal) is var at and >= 0)
        {
            if (at > 0) ranges.Add(new(previous, previous + at, IsMatch: false));
            ranges.Add(new(previous + at, previous + at + literal.Length, IsMatch: true));
            previous += at + literal.Length;
        }

        if (previous < text.Length) ranges.Add(new(previous, text.Length, IsMatch: false));
    }
}
