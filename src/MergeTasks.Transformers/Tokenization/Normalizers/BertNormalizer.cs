using System.Text;
using MergeTasks.Transformers.Tokenization.Unicode;

namespace MergeTasks.Transformers.Tokenization.Normalizers;

/// <summary>
/// Component BertNormalizer, the clean-up of BERT's tokenizer (Devlin et al. 2018): control characters go, white space becomes spaces,
/// CJK ideographs stand alone, accents and capitals go.
/// </summary>
internal sealed class BertNormalizer(bool cleansText, bool isolatesIdeographs, bool stripsAccents, bool lowercases) : INormalizer
{
    private static readonly FilterNormalizer Clean = new(UnicodeSets.Get("Cleaned"));

    private static readonly FilterNormalizer Accents = new(UnicodeSets.Get("NonspacingMark"));

    /// <summary>The blocks that BERT's tokenizer counts as ideographs; one range starts at U+2B920 as published.</summary>
    private static readonly CodePointSet Ideographs = CodePointSet.OfRanges(
        [(0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F), (0x2B920, 0x2CEAF),
            (0xF900, 0xFAFF), (0x2F800, 0x2FA1F)]);

    public NormalizedText Normalize(NormalizedText input)
    {
        if (cleansText)
        {
            input = Clean.Normalize(input).Mapped(Spaces);
        }

        if (isolatesIdeographs) input = input.Mapped(Isolate);
        if (stripsAccents)
        {
            input = input.Mapped(text => NormalizationForms.Normalize(text, compatibility: false, compose: false));
            input = Accents.Normalize(input);
        }

        return lowercases ? input.Mapped(CaseMapping.Instance.ToLower) : input;
    }

    private static string Spaces(string text) =>
        string.Create(text.Length, text, static (target, source) =>
        {
            for (var i = 0; i < source.Length; i++) target[i] = UnicodeSets.WhiteSpace.Contains(source[i]) ? ' ' : source[i];
        });

    private static string Isolate(string text)
    {
        var builder = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            var isIdeograph = Ideographs.Contains(rune.Value);
            if (isIdeograph) builder.Append(' ');
            ScalarText.Append(builder, rune.Value);
            if (isIdeograph) builder.Append(' ');
        }

        return builder.ToString();
    }
}
