using System.Buffers.Binary;
using System.Text;

namespace MergeTasks.TestSupport.Mutated;

/// <summary>
/// Makes other files of bytes or of text: parts that are missing, come twice or come from elsewhere, numbers of extreme size, words that
/// mean something to some reader, and single bytes.
/// </summary>
internal static class ByteMutation
{
    private static readonly byte[][] Words =
    [
        .. new[]
        {
            "\0", "\n", "\r\n", "\t", " ", "---", "...", "- ", ": ", "{", "}", "[", "]", "\"", "'", "*a", "&a ", "<<: *a", "!!int ", "|", ">",
            "#", "~", "null", "0", "-1", "1e999", ".nan", ".inf", "2147483648", "9223372036854775808", "../", "/", "\\", "hf:", "nuget:", "@", "<",
            ">", "</", "&amp;", "&#0;", "<![CDATA[", "<!DOCTYPE x [<!ENTITY a \"b\">]>", "\uFEFF", "\u2028", "é", "\U0001F600", "%00", "**", "?", "*",
        }.Select(Encoding.UTF8.GetBytes),
        [0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xFF, 0xFE], [0x80],
    ];

    private static readonly long[] Numbers =
    [
        0, 1, -1, 2, 7, 8, 9, 127, 128, 255, 256, 32767, 32768, 65535, 65536, int.MaxValue, int.MinValue, uint.MaxValue, 1L << 32, 1L << 40,
        1L << 53, long.MaxValue, long.MinValue, 100_000_000, 1 << 20,
    ];

    /// <summary>Another content: mostly one change, sometimes several.</summary>
    public static byte[] Of(byte[] content, Random random)
    {
        var changes = random.Next(4) == 0 ? random.Next(2, 8) : 1;
        for (; changes > 0; changes--)
            content = Once(content, random);
        return content;
    }

    /// <summary>One change.</summary>
    public static byte[] Once(byte[] content, Random random)
    {
        if (content.Length == 0)
            return Words[random.Next(Words.Length)];
        var (start, length) = Part(content.Length, random);
        switch (random.Next(10))
        {
            case 0:
                return content[..random.Next(content.Length + 1)];
            case 1:
                return [.. content[..start], .. Words[random.Next(Words.Length)], .. content[start..]];
            case 2:
                return [.. content[..start], .. Words[random.Next(Words.Length)], .. content[(start + length)..]];
            case 3:
                return [.. content[..start], .. content[(start + length)..]];
            case 4:
                var at = random.Next(content.Length + 1);
                return [.. content[..at], .. content[start..(start + length)], .. content[at..]];
            case 5 when random.Next(8) == 0:
                return [.. content[..start], .. Repeated(content[start..(start + Math.Min(length, 8))], 3000), .. content[start..]];
            case 6 or 7:
                return WithNumber(content, start, random);
            case 8:
                return random.Next(2) == 0 ? [0xEF, 0xBB, 0xBF, .. content] : [.. content, .. content[start..]];
            default:
                var changed = (byte[])content.Clone();
                changed[random.Next(changed.Length)] = (byte)random.Next(256);
                return changed;
        }
    }

    private static byte[] WithNumber(byte[] content, int start, Random random)
    {
        var changed = (byte[])content.Clone();
        var number = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(number, Numbers[random.Next(Numbers.Length)]);
        number.AsSpan(0, Math.Min(1 << random.Next(4), changed.Length - start)).CopyTo(changed.AsSpan(start));
        return changed;
    }

    private static (int Start, int Length) Part(int length, Random random)
    {
        var start = random.Next(length);
        return (start, random.Next(1, Math.Min(length - start, random.Next(3) == 0 ? length : 16) + 1));
    }

    private static byte[] Repeated(byte[] part, int times)
    {
        var all = new byte[part.Length * times];
        for (var i = 0; i < times; i++)
            part.CopyTo(all, i * part.Length);
        return all;
    }
}
