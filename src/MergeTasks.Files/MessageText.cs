using System.Globalization;
using System.Text;

namespace MergeTasks.Files;

/// <summary>Text that others wrote, as part of a message.</summary>
internal static class MessageText
{
    private const int Longest = 300;

    /// <summary>
    /// One line of bounded length: what cannot be seen is escaped, and of what is too long the beginning and the length are told.
    /// </summary>
    /// <param name="text">Any text.</param>
    /// <param name="longest">Most characters that are shown.</param>
    public static string Shown(string text, int longest = Longest)
    {
        ArgumentNullException.ThrowIfNull(text);
        var end = text.Length <= longest ? text.Length : char.IsHighSurrogate(text[longest - 1]) ? longest - 1 : longest;
        var shown = new StringBuilder(end);
        foreach (var c in text.AsSpan(0, end))
        {
            if (char.IsControl(c) || c is '\u2028' or '\u2029')
                shown.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            else
                shown.Append(c);
        }

        if (end < text.Length)
            shown.Append(CultureInfo.InvariantCulture, $"… ({text.Length} characters)");
        return shown.ToString();
    }
}
