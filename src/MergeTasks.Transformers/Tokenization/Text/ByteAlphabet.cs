using System.Text;

namespace MergeTasks.Transformers.Tokenization.Text;

/// <summary>
/// GPT-2's printable stand-ins for the 256 byte values: printable Latin-1 characters stand for themselves, the others are numbered
/// from U+0100 on.
/// </summary>
internal static class ByteAlphabet
{
    private static readonly char[] Characters = CreateCharacters();

    private static readonly short[] Bytes = CreateBytes();

    /// <summary>The character of a byte.</summary>
    public static char Character(byte value) => Characters[value];

    /// <summary>The byte of a character, or -1 where the character stands for none.</summary>
    public static int Byte(char character) => character < Bytes.Length ? Bytes[character] : -1;

    /// <summary>Rewrites text, without its surrogates being lone.</summary>
    public static string Encode(ReadOnlySpan<char> text)
    {
        var bytes = new byte[Encoding.UTF8.GetByteCount(text)];
        Encoding.UTF8.GetBytes(text, bytes);
        return string.Create(bytes.Length, bytes, static (target, source) =>
        {
            for (var i = 0; i < source.Length; i++) target[i] = Characters[source[i]];
        });
    }

    /// <summary>Rewrites every piece that is not a token, all into one new string.</summary>
    public static List<Piece> Encode(List<Piece> pieces)
    {
        var total = 0;
        foreach (var piece in pieces)
        {
            if (!piece.IsToken) total += Encoding.UTF8.GetByteCount(piece.Span);
        }

        var buffer = new char[total];
        var bounds = new (int Start, int End, int Head)[pieces.Count];
        var at = 0;
        Span<byte> bytes = stackalloc byte[4];
        for (var p = 0; p < pieces.Count; p++)
        {
            if (pieces[p].IsToken) continue;
            var start = at;
            var head = 0;
            var units = 0;
            foreach (var rune in pieces[p].Span.EnumerateRunes())
            {
                var count = rune.EncodeToUtf8(bytes);
                for (var i = 0; i < count; i++) buffer[at++] = Characters[bytes[i]];
                units += rune.Utf16SequenceLength;
                if (units <= pieces[p].Head) head = at - start;
            }

            bounds[p] = (start, at, head);
        }

        var text = new string(buffer);
        var output = new List<Piece>(pieces.Count);
        for (var p = 0; p < pieces.Count; p++)
            output.Add(pieces[p].IsToken ? pieces[p] : new(text, bounds[p].Start, bounds[p].End - bounds[p].Start, bounds[p].Head, -1));
        return output;
    }

    private static char[] CreateCharacters()
    {
        var characters = new char[256];
        var next = 0x100;
        for (var b = 0; b < 256; b++)
        {
            var isPrintable = b is (>= 0x21 and <= 0x7E) or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            characters[b] = isPrintable ? (char)b : (char)next++;
        }

        return characters;
    }

    private static short[] CreateBytes()
    {
        var bytes = new short[Characters.Max() + 1];
        Array.Fill(bytes, (short)-1);
        for (var b = 0; b < 256; b++) bytes[Characters[b]] = (short)b;
        return bytes;
    }
}
