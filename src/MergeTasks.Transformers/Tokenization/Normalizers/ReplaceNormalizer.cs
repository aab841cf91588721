using System.Text;
using MergeTasks.Transformers.Tokenization.Patterns;
using MergeTasks.Transformers.Tokenization.Unicode;

namespace MergeTasks.Transformers.Tokenization.Normalizers;

/// <summary>Component Replace: a fixed text takes the place of every match.</summary>
internal sealed class ReplaceNormalizer(ITextPattern pattern, string replacement) : INormalizer
{
    public NormalizedText Normalize(NormalizedText input)
    {
        var ranges = new List<TextRange>();
        pattern.FindMatches(input.Text, ranges);
        var text = Replace(input.Text, ranges);
        if (ranges.Count == 0 || !ranges[0].IsMatch || ranges[0].End == 0) return new(text, Math.Min(input.Head, text.Length));

        // What replaces several characters counts as stemming from the last of them.
        ScalarText.At(input.Text, 0, out var firstLength);
        var keepsHead = input.Head > 0 && ranges[0].End == firstLength;
        return new(text, keepsHead ? Math.Min(replacement.Length, text.Length) : 0);
    }

    private string Replace(string text, List<TextRange> ranges)
    {
        if (ranges.Count == 0 || (ranges.Count == 1 && !ranges[0].IsMatch)) return text;
        var builder = new StringBuilder(text.Length);
        foreach (var (start, end, isMatch) in ranges)
        {
            if (isMatch) builder.Append(replacement);
            else builder.Append(text, start, end - start);
        }

        return builder.ToString();
    }
}
