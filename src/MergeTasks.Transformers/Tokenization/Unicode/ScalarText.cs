using System.Text;

namespace MergeTasks.Transformers.Tokenization.Unicode;

/// <summary>UTF-16 text as the sequence of Unicode scalar values that tokenizers work on.</summary>
internal static class ScalarText
{
    /// <summary>
    /// Replaces every lone surrogate by U+FFFD, as encoding the string in UTF-8 would: a lone surrogate is no character and has no
    /// bytes that a vocabulary could know.
    /// </summary>
    public static string Clean(string text)
    {
        var at = FirstLoneSurrogate(text, 0);
        if (at < 0) return text;
        var chars = text.ToCharArray();
        for (; at >= 0; at = FirstLoneSurrogate(text, at + 1)) chars[at] = '\uFFFD';
        return new string(chars);
    }

    /// <summary>Reads the code point at a position of clean text.</summary>
    public static int At(ReadOnlySpan<char> text, int index, out int length)
    {
        var c = text[index];
        if (!char.IsHighSurrogate(c))
        {
            length = 1;
            return c;
        }

        length = 2;
        return char.ConvertToUtf32(c, text[index + 1]);
    }

    /// <summary>Reads the code point before a position of clean text.</summary>
    public static int Before(ReadOnlySpan<char> text, int index, out int length)
    {
        var c = text[index - 1];
        if (!char.IsLowSurrogate(c))
        {
            length = 1;
            return c;
        }

        length = 2;
        return char.ConvertToUtf32(text[index - 2], c);
    }

    public static int CountCodePoints(ReadOnlySpan<char> text)
    {
        var count = text.Length;
        foreach (var c in text)
        {
            if (char.IsLowSurrogate(c)) count--;
        }

        return count;
    }

    public static void Append(StringBuilder builder, int codePoint)
    {
        if (codePoint < 0x10000) builder.Append((char)codePoint);
        else builder.Append(new Rune(codePoint).ToString());
    }

    private static int FirstLoneSurrogate(string text, int start)
    {
        for (var i = start; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i])) continue;

            // A position inside a valid pair can only be reached from its high half, which skips the low one.
            if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1])) i++;
            else return i;
        }

        return -1;
    }
}
