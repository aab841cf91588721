namespace MergeTasks.Files.Json;

/// <summary>
/// <c>Infinity</c> and <c>-Infinity</c>, which Python's library writes as bare words, although JSON has no such numbers: configurations of
/// state-space models hold them (<c>time_step_limit</c>).
/// </summary>
internal static class PythonNumbers
{
    // Standard syntax, and the same number to every reader that Python has.
    private static ReadOnlySpan<byte> Standard => "1e999"u8;

    private static ReadOnlySpan<byte> Word => "Infinity"u8;

    /// <summary>The text with each of these words, outside texts, as a number that every reader of double precision takes for it.</summary>
    public static byte[] Replaced(byte[] text)
    {
        if (text.AsSpan().IndexOf(Word) < 0)
            return text;
        var result = new List<byte>(text.Length);
        var isText = false;
        for (var i = 0; i < text.Length; i++)
        {
            if (!isText && text.AsSpan(i).StartsWith(Word))
            {
                result.AddRange(Standard);
                i += Word.Length - 1;
                continue;
            }

            result.Add(text[i]);
            if (isText && text[i] == '\\' && i + 1 < text.Length)
                result.Add(text[++i]);
            else if (text[i] == '"')
                isText = !isText;
        }

        return [.. result];
    }
}
