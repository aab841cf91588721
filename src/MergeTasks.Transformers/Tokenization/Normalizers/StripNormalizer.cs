using MergeTasks.Transformers.Tokenization.Unicode;

namespace MergeTasks.Transformers.Tokenization.Normalizers;

/// <summary>Component Strip: removes white space at the ends.</summary>
internal sealed class StripNormalizer(bool left, bool right) : INormalizer
{
    public NormalizedText Normalize(NormalizedText input)
    {
        var text = input.Text.AsSpan();
        var start = 0;
        var end = text.Length;
        while (left && start < end && UnicodeSets.WhiteSpace.Contains(text[start])) start++;
        while (right && end > start && UnicodeSets.WhiteSpace.Contains(text[end - 1])) end--;
        return start == 0 && end == text.Length ? input : input.Removed(text[start..end].ToString(), start);
    }
}
