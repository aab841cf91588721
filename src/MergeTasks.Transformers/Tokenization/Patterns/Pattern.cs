using MergeTasks.Transformers.Tokenization.Unicode;

namespace MergeTasks.Transformers.Tokenization.Patterns;

/// <summary>
/// A regular expression of a tokenizer file, matched over code points. <c>System.Text.RegularExpressions</c> is not used because it
/// works on UTF-16 units (astral letters and digits would not match <c>\p{L}</c> and <c>\p{N}</c>), differs from the files' dialect in
/// classes and case, and follows the Unicode version of the hosting runtime.
/// </summary>
/// <remarks>Instances are immutable and may be shared between threads.</remarks>
internal sealed class Pattern : ITextPattern
{
    private readonly PatternInstruction[] _code;
    private readonly CodePointSet? _first;

    /// <exception cref="PatternSyntaxException">The pattern is malformed or uses a construct that is not supported.</exception>
    public Pattern(string pattern)
    {
        var node = PatternParser.Parse(pattern);
        _code = PatternProgram.Compile(node);
        _first = node.MinWidth > 0 ? node.First : null;
    }

    public void FindMatches(ReadOnlySpan<char> text, List<TextRange> ranges)
    {
        var matcher = new PatternMatcher(_code, text);
        var previous = 0;
        var searchFrom = 0;
        var lastMatchEnd = -1;
        while (searchFrom <= text.Length && Find(ref matcher, text, searchFrom, out var start, out var end))
        {
            // An empty match right after a match does not count; the search moves on by one code point.
            if (start == end && end == lastMatchEnd)
            {
                if (searchFrom == text.Length) break;
                ScalarText.At(text, searchFrom, out var length);
                searchFrom += length;
                continue;
            }

            if (start > previous) ranges.Add(new(previous, start, IsMatch: false));
            ranges.Add(new(start, end, IsMatch: true));
            previous = searchFrom = lastMatchEnd = end;
        }

        if (previous < text.Length) ranges.Add(new(previous, text.Length, IsMatch: false));
    }

    private bool Find(ref PatternMatcher matcher, ReadOnlySpan<char> text, int from, out int start, out int end)
    {
        for (start = from; start <= text.Length;)
        {
            var length = 1;
            var possible = _first is null
                || (start < text.Length && _first.Contains(ScalarText.At(text, start, out length)));
            if (possible && (end = matcher.Match(start, from)) >= 0) return true;
            if (start < text.Length) ScalarText.At(text, start, out length);
            start += length;
        }

        end = -1;
        return false;
    }
}
