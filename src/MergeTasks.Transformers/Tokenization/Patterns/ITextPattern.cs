namespace MergeTasks.Transformers.Tokenization.Patterns;

/// <summary>A part of a text in UTF-16 units, and whether a pattern matched it.</summary>
internal readonly record struct TextRange(int Start, int End, bool IsMatch);

/// <summary>Something that can be searched for in text.</summary>
internal interface ITextPattern
{
    /// <summary>Adds the matches and what lies between them, in order; together they cover the text.</summary>
    void FindMatches(ReadOnlySpan<char> text, List<TextRange> ranges);
}
