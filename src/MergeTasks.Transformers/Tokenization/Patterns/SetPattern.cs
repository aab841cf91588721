using MergeTasks.Transformers.Tokenization.Unicode;

namespace MergeTasks.Transformers.Tokenization.Patterns;

/// <summary>Matches every single code point of a set.</summary>
internal sealed class SetPattern(CodePointSet set) : ITextPattern
{
    public void FindMatches(ReadOnlySpan<char> text, List<TextRange> ranges)
    {
        var previous = 0;
        for (var i = 0; i < text.Length;)
        {
            var c = ScalarText.At(text, i, out var length);
            if (set.Contains(c))
            {
                if (i > previous) ranges.Add(new(previous, i, IsMatch: false));
                ranges.Add(new(i, i + length, IsMatch: true));
                previous = i + length;
            }

            i += length;
        }

        if (previous < text.Length) ranges.Add(new(previous, text.Length, IsMatch: false));
    }
}
