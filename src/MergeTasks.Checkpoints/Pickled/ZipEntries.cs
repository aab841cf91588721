using System.Buffers.Binary;
using System.Text;

namespace MergeTasks.Checkpoints.Pickled;

/// <summary>Where the stored entries of a zip archive lie, so that they can be read, or mapped, in place.</summary>
internal static class ZipEntries
{
    private const int EndSize = 22;
    private const int Zip64LocatorSize = 20;
    private const int Zip64EndSize = 56;
    private const int CentralSize = 46;
    private const int LocalSize = 30;
    private const int LongestComment = ushort.MaxValue;
    private const int LargestDirectory = 256 << 20;

    /// <summary>Lists them.</summary>
    /// <param name="read">Fills memory from a position of the file.</param>
    /// <param name="length">Bytes of the file.</param>
    /// <returns>Name, first byte of the data, and bytes.</returns>
    /// <exception cref="PickleException">The archive is damaged, or an entry is compressed.</exception>
    public static IReadOnlyDictionary<string, (long Offset, long Length)> Of(ReadBytes read, long length)
    {
        var (start, size, count) = Directory(read, length);
        if (size is < 0 or > LargestDirectory || start < 0 || start > length - size)
            throw Damaged();
        var directory = new byte[size];
        read(start, directory);
        var entries = new Dictionary<string, (long, long)>(StringComparer.Ordinal);
        var rest = directory.AsSpan();
        for (var i = 0L; i < count; i++)
        {
            if (rest.Length < CentralSize || BinaryPrimitives.ReadUInt32LittleEndian(rest) != 0x02014b50)
                throw Damaged();
            var (name, extra, comment) = (U16(rest, 28), U16(rest, 30), U16(rest, 32));
            if (rest.Length < CentralSize + name + extra + comment)
                throw Damaged();
            var text = Encoding.UTF8.GetString(rest.Slice(CentralSize, name));
            var entry = Sizes(rest, rest.Slice(CentralSize + name, extra));
            if (U16(rest, 10) != 0 || entry.Stored != entry.Length)
                throw new PickleException($"has the compressed entry '{text}'; PyTorch stores entries as they are");
            entries[text] = (DataOf(read, length, entry.Local, entry.Length), entry.Length);
            rest = rest[(CentralSize + name + extra + comment)..];
        }

        return entries;
    }

    private static (long Start, long Size, long Count) Directory(ReadBytes read, long length)
    {
        var tail = new byte[(int)Math.Min(length, EndSize + LongestComment + Zip64LocatorSize)];
        read(length - tail.Length, tail);
        for (var at = tail.Length - EndSize; at >= 0; at--)
        {
            var end = tail.AsSpan(at);
            if (BinaryPrimitives.ReadUInt32LittleEndian(end) != 0x06054b50)
                continue;
            if (at >= Zip64LocatorSize && BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(at - Zip64LocatorSize)) == 0x07064b50)
                return Zip64Directory(read, length, I64(tail.AsSpan(at - Zip64LocatorSize), 8));
            return (U32(end, 16), U32(end, 12), U16(end, 10));
        }

        throw Damaged();
    }

    private static (long Start, long Size, long Count) Zip64Directory(ReadBytes read, long length, long at)
    {
        if (at < 0 || at > length - Zip64EndSize)
            throw Damaged();
        var end = new byte[Zip64EndSize];
        read(at, end);
        return BinaryPrimitives.ReadUInt32LittleEndian(end) == 0x06064b50 ? (I64(end, 48), I64(end, 40), I64(end, 32)) : throw Damaged();
    }

    private static (long Stored, long Length, long Local) Sizes(ReadOnlySpan<byte> entry, ReadOnlySpan<byte> extra)
    {
        var (stored, length, local) = (U32(entry, 20), U32(entry, 24), U32(entry, 42));
        while (extra.Length >= 4)
        {
            var size = U16(extra, 2);
            if (extra.Length < 4 + size)
                throw Damaged();
            if (U16(extra, 0) == 1)
            {
                var fields = extra.Slice(4, size);
                length = Wide(length, ref fields);
                stored = Wide(stored, ref fields);
                local = Wide(local, ref fields);
            }

            extra = extra[(4 + size)..];
        }

        return (stored, length, local);
    }

    private static long Wide(long value, ref ReadOnlySpan<byte> fields)
    {
        if (value != uint.MaxValue)
            return value;
        if (fields.Length < 8)
            throw Damaged();
        value = I64(fields, 0);
        fields = fields[8..];
        return value;
    }

    private static long DataOf(ReadBytes read, long fileLength, long local, long length)
    {
        if (local < 0 || local > fileLength - LocalSize)
            throw Damaged();
        var header = new byte[LocalSize];
        read(local, header);
        if (BinaryPrimitives.ReadUInt32LittleEndian(header) != 0x04034b50)
            throw Damaged();
        var data = local + LocalSize + U16(header, 26) + U16(header, 28);
        return length >= 0 && data <= fileLength - length ? data : throw Damaged();
    }

    private static int U16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static long U32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static long I64(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadInt64LittleEndian(bytes[at..]);

    private static PickleException Damaged() => new("is no whole zip archive; it looks truncated or damaged");
}

/// <summary>Fills memory from a position of a file.</summary>
internal delegate void ReadBytes(long offset, Span<byte> destination);
