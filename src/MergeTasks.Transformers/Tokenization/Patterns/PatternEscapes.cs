using System.Globalization;
using MergeTasks.Transformers.Tokenization.Unicode;

namespace MergeTasks.Transformers.Tokenization.Patterns;

/// <summary>What follows a backslash, inside and outside brackets.</summary>
internal static class PatternEscapes
{
    /// <summary>
    /// The set behind a class escape, or null where the escape is no class. <c>\w</c> has its meaning of inside brackets.
    /// </summary>
    public static CodePointSet? Class(PatternReader reader, int escape) => escape switch
    {
        'd' => UnicodeSets.Get("Nd"),
        'D' => UnicodeSets.Get("Nd").Complement(),
        's' => UnicodeSets.WhiteSpace,
        'S' => UnicodeSets.WhiteSpace.Complement(),
        'w' => UnicodeSets.Word,
        'W' => UnicodeSets.Word.Complement(),
        'h' => PropertyNames.HexDigits,
        'H' => PropertyNames.HexDigits.Complement(),
        'p' => Property(reader),
        'P' => Property(reader).Complement(),
        _ => null,
    };

    /// <summary>The code point behind any other escape.</summary>
    public static int Character(PatternReader reader, int escape)
    {
        switch (escape)
        {
            case 't': return '\t';
            case 'n': return '\n';
            case 'v': return '\v';
            case 'f': return '\f';
            case 'r': return '\r';
            case 'a': return '\a';
            case 'e': return 0x1B;
            case 'u': return Hexadecimal(reader, reader.TakeDigits(4, hexadecimal: true), 4);
            case 'x' when reader.TryTake('{'):
                return Hexadecimal(reader, reader.TakeUntil('}', "a code point"), 1);
            case 'x':
                var value = Hexadecimal(reader, reader.TakeDigits(2, hexadecimal: true), 1);
                return value < 0x80 ? value : throw reader.Error($"the byte '\\x{value:X2}'; a character is written '\\x{{{value:X}}}'");
            case '0':
                var octal = reader.TakeDigits(2, hexadecimal: false);
                return octal.Length == 0 ? 0 : Convert.ToInt32(octal, 8);
        }

        if (escape is >= '1' and <= '9' || char.IsAsciiLetter((char)Math.Min(escape, 0xFFFF)))
            throw reader.Error($"the escape '\\{(char)escape}', which is not supported");
        return escape;
    }

    private static int Hexadecimal(PatternReader reader, string digits, int least)
    {
        if (digits.Length < least || !int.TryParse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var value)
            || value is < 0 or > 0x10FFFF or (>= 0xD800 and <= 0xDFFF))
        {
            throw reader.Error("a malformed code point");
        }

        return value;
    }

    private static CodePointSet Property(PatternReader reader)
    {
        if (!reader.TryTake('{')) return PropertyNames.Property(char.ConvertFromUtf32(reader.Take()));
        var negated = reader.TryTake('^');
        var set = PropertyNames.Property(reader.TakeUntil('}', "a property"));
        return negated ? set.Complement() : set;
    }
}
