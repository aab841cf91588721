using System.Text;

namespace MergeTasks.Transformers.Tokenization.Unicode;

/// <summary>The four normalization forms of UAX #15, independent of the runtime's globalization mode.</summary>
internal static class NormalizationForms
{
    // Hangul syllables are decomposed and composed by arithmetic (The Unicode Standard, section 3.12).
    private const int SyllableBase = 0xAC00, LeadBase = 0x1100, VowelBase = 0x1161, TrailBase = 0x11A7;
    private const int LeadCount = 19, VowelCount = 21, TrailCount = 28;
    private const int SyllableCount = LeadCount * VowelCount * TrailCount;

    /// <summary>Normalizes text that holds no lone surrogates.</summary>
    /// <param name="text">The text.</param>
    /// <param name="compatibility">Whether compatibility mappings apply (NFKC, NFKD).</param>
    /// <param name="compose">Whether the result is composed (NFC, NFKC).</param>
    public static string Normalize(string text, bool compatibility, bool compose)
    {
        if (Ascii.IsValid(text)) return text;
        var codePoints = new List<int>(text.Length);
        foreach (var rune in text.EnumerateRunes()) Decompose(rune.Value, compatibility, codePoints);
        Reorder(codePoints);
        if (compose) Compose(codePoints);
        var builder = new StringBuilder(text.Length);
        foreach (var c in codePoints) ScalarText.Append(builder, c);
        return builder.ToString();
    }

    private static void Decompose(int codePoint, bool compatibility, List<int> output)
    {
        if (codePoint < 0x80)
        {
            output.Add(codePoint);
            return;
        }

        var syllable = codePoint - SyllableBase;
        if ((uint)syllable < SyllableCount)
        {
            output.Add(LeadBase + syllable / (VowelCount * TrailCount));
            output.Add(VowelBase + syllable % (VowelCount * TrailCount) / TrailCount);
            if (syllable % TrailCount != 0) output.Add(TrailBase + syllable % TrailCount);
            return;
        }

        if (NormalizationData.Instance.Decompose(codePoint, compatibility) is { } targets)
        {
            foreach (var target in targets) Decompose(target, compatibility, output);
        }
        else
        {
            output.Add(codePoint);
        }
    }

    /// <summary>Sorts each run of combining characters by class, keeping the order of equals (canonical ordering).</summary>
    private static void Reorder(List<int> codePoints)
    {
        var data = NormalizationData.Instance;
        for (var start = 0; start < codePoints.Count; start++)
        {
            if (data.CombiningClass(codePoints[start]) == 0) continue;
            var end = start + 1;
            while (end < codePoints.Count && data.CombiningClass(codePoints[end]) != 0) end++;
            if (end - start > 1)
            {
                var sorted = codePoints.GetRange(start, end - start).OrderBy(data.CombiningClass).ToArray();
                for (var i = start; i < end; i++) codePoints[i] = sorted[i - start];
            }

            start = end;
        }
    }

    private static void Compose(List<int> codePoints)
    {
        var data = NormalizationData.Instance;
        var write = 0;
        var starter = -1;
        var lastClass = -1;
        for (var read = 0; read < codePoints.Count; read++)
        {
            var c = codePoints[read];
            var combiningClass = data.CombiningClass(c);

            // A character is blocked from the starter by one in between of class 0 or of a class not below its own.
            if (starter >= 0 && lastClass < combiningClass)
            {
                var composite = ComposePair(data, codePoints[starter], c);
                if (composite >= 0)
                {
                    codePoints[starter] = composite;
                    continue;
                }
            }

            codePoints[write] = c;
            if (combiningClass == 0)
            {
                starter = write;
                lastClass = -1;
            }
            else
            {
                lastClass = combiningClass;
            }

            write++;
        }

        codePoints.RemoveRange(write, codePoints.Count - write);
    }

    private static int ComposePair(NormalizationData data, int first, int second)
    {
        if ((uint)(first - LeadBase) < LeadCount && (uint)(second - VowelBase) < VowelCount)
            return SyllableBase + ((first - LeadBase) * VowelCount + second - VowelBase) * TrailCount;
        var syllable = first - SyllableBase;
        if ((uint)syllable < SyllableCount && syllable % TrailCount == 0 && second > TrailBase && second < TrailBase + TrailCount)
            return first + second - TrailBase;
        return data.Compose(first, second);
    }
}
