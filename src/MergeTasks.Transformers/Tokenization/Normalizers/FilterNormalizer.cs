using System.Text;
using MergeTasks.Transformers.Tokenization.Unicode;

namespace MergeTasks.Transformers.Tokenization.Normalizers;

/// <summary>Removes the code points of a set (component StripAccents, steps of BertNormalizer and Nmt).</summary>
internal sealed class FilterNormalizer(CodePointSet removed) : INormalizer
{
    public NormalizedText Normalize(NormalizedText input)
    {
        var builder = new StringBuilder(input.Text.Length);
        var leading = -1;
        var at = 0;
        foreach (var rune in input.Text.EnumerateRunes())
        {
            if (!removed.Contains(rune.Value))
            {
                if (leading < 0) leading = at;
                ScalarText.Append(builder, rune.Value);
            }

            at += rune.Utf16SequenceLength;
        }

        return builder.Length == input.Text.Length ? input : input.Removed(builder.ToString(), Math.Max(0, leading));
    }
}
