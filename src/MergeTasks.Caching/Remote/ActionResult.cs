using System.Text;

namespace MergeTasks.Caching.Remote;

/// <summary>
/// What stands at <c>/ac/KEY</c>: that making KEY gave one file, whose content is at <c>/cas/SHA-256</c>. It is the message
/// <c>ActionResult</c> of the Remote Execution API (github.com/bazelbuild/remote-apis), of which servers check the form; of its fields only
/// <c>output_files</c> (2) with <c>path</c> (1) and <c>digest</c> (2: <c>hash</c> 1, <c>size_bytes</c> 2) are used here.
/// </summary>
/// <param name="Content">SHA-256 of the content.</param>
/// <param name="Length">Its bytes.</param>
internal sealed record ActionResult(ContentDigest Content, long Length)
{
    /// <summary>The one file's name.</summary>
    public const string FileName = "score.safetensors";

    /// <summary>Bytes that the message of anybody may have.</summary>
    public const int Longest = 1 << 20;

    private const int Varint = 0, Fixed64 = 1, Delimited = 2, Fixed32 = 5;

    /// <summary>The message in protocol buffers' encoding.</summary>
    public byte[] ToBytes()
    {
        var digest = new MemoryStream();
        Append(digest, 1, Encoding.ASCII.GetBytes(Content.ToString()));
        digest.WriteByte((2 << 3) | Varint);
        Append(digest, (ulong)Length);
        var file = new MemoryStream();
        Append(file, 1, Encoding.ASCII.GetBytes(FileName));
        Append(file, 2, digest.ToArray());
        var result = new MemoryStream();
        Append(result, 2, file.ToArray());
        return result.ToArray();
    }

    /// <summary>Reads a message; fields that are not used here may be there, servers add some.</summary>
    /// <returns><see langword="null"/> where it is malformed, or does not name the file.</returns>
    public static ActionResult? Parse(ReadOnlySpan<byte> message)
    {
        ActionResult? found = null;
        return TryRead(message, (number, bytes, _) =>
        {
            if (number == 2)
                found ??= OfFile(bytes);
        }) ? found : null;
    }

    private static ActionResult? OfFile(ReadOnlySpan<byte> message)
    {
        var (name, digest) = ("", default(ActionResult));
        return TryRead(message, (number, bytes, _) =>
        {
            if (number == 1)
                name = Encoding.UTF8.GetString(bytes);
            else if (number == 2)
                digest = OfDigest(bytes);
        }) && name == FileName ? digest : null;
    }

    private static ActionResult? OfDigest(ReadOnlySpan<byte> message)
    {
        var (hash, length) = ("", -1L);
        if (!TryRead(message, (number, bytes, value) =>
            {
                if (number == 1)
                    hash = Encoding.UTF8.GetString(bytes);
                else if (number == 2)
                    length = (long)value;
            }))
            return null;
        return hash.Length == 64 && hash.All(char.IsAsciiHexDigitLower) && length > 0 ? new(ContentDigest.Parse(hash), length) : null;
    }

    private delegate void Field(ulong number, ReadOnlySpan<byte> bytes, ulong value);

    private static bool TryRead(ReadOnlySpan<byte> message, Field field)
    {
        while (!message.IsEmpty)
        {
            if (!TryVarint(ref message, out var tag) || tag >> 3 == 0)
                return false;
            var (length, value) = (0UL, 0UL);
            var isRead = (int)(tag & 7) switch
            {
                Varint => TryVarint(ref message, out value),
                Delimited => TryVarint(ref message, out length),
                Fixed64 => (length = sizeof(ulong)) > 0,
                Fixed32 => (length = sizeof(uint)) > 0,
                _ => false,
            };
            if (!isRead || length > (ulong)message.Length)
                return false;
            field(tag >> 3, message[..(int)length], value);
            message = message[(int)length..];
        }

        return true;
    }

    private static bool TryVarint(ref ReadOnlySpan<byte> message, out ulong value)
    {
        value = 0;
        for (var i = 0; i < message.Length && i < 10; i++)
        {
            value |= (ulong)(message[i] & 0x7f) << (7 * i);
            if (message[i] >= 0x80)
                continue;
            message = message[(i + 1)..];
            return true;
        }

        return false;
    }

    private static void Append(MemoryStream to, ulong number)
    {
        for (; number >= 0x80; number >>= 7)
            to.WriteByte((byte)(number | 0x80));
        to.WriteByte((byte)number);
    }

    private static void Append(MemoryStream to, int field, byte[] bytes)
    {
        to.WriteByte((byte)((field << 3) | Delimited));
        Append(to, (ulong)bytes.Length);
        to.Write(bytes);
    }
}
