using System.Globalization;

namespace MergeTasks.Transformers.Tokenization.Unicode;

/// <summary>Reads the embedded Unicode tables (text files whose first lines explain them).</summary>
/// <remarks>
/// The tables travel with the library because the runtime's own cannot be relied on: <c>string.Normalize</c> leaves non-ASCII text
/// unchanged without a warning under invariant globalization, casing comes from whichever ICU the machine has, and the Unicode
/// version of <c>CharUnicodeInfo</c> follows the runtime that hosts the build. Token ids must not depend on any of them.
/// </remarks>
internal static class UnicodeResource
{
    /// <summary>The lines of a table without comments and empty lines.</summary>
    public static IEnumerable<string> Lines(string name)
    {
        using var stream = typeof(UnicodeResource).Assembly.GetManifestResourceStream("Unicode." + name)
            ?? throw new InvalidOperationException($"The library was built without its table '{name}'.");
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
        {
            if (line.Length > 0 && line[0] != '#') yield return line;
        }
    }

    public static int Hex(ReadOnlySpan<char> digits) => int.Parse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    /// <summary>Reads <c>first-last</c> or a single code point.</summary>
    public static (int First, int Last) Range(ReadOnlySpan<char> text)
    {
        var dash = text.IndexOf('-');
        return dash < 0 ? (Hex(text), Hex(text)) : (Hex(text[..dash]), Hex(text[(dash + 1)..]));
    }

    public static IEnumerable<(int First, int Last)> Ranges(string line)
    {
        foreach (var part in line.Split(' ', StringSplitOptions.RemoveEmptyEntries)) yield return Range(part);
    }
}
