using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace MergeTasks.Caching;

/// <summary>A SHA-256 digest that identifies content.</summary>
internal readonly struct ContentDigest : IEquatable<ContentDigest>
{
    // Four words and no UInt128: methods that touch one are not compiled ahead of time.
    private readonly ulong _a;
    private readonly ulong _b;
    private readonly ulong _c;
    private readonly ulong _d;

    /// <summary>Wraps the 32 bytes of a digest.</summary>
    /// <exception cref="ArgumentException">Not 32 bytes.</exception>
    public ContentDigest(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != SHA256.HashSizeInBytes)
            throw new ArgumentException($"A digest has {SHA256.HashSizeInBytes} bytes, not {bytes.Length}.", nameof(bytes));
        _a = BinaryPrimitives.ReadUInt64BigEndian(bytes);
        _b = BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]);
        _c = BinaryPrimitives.ReadUInt64BigEndian(bytes[16..]);
        _d = BinaryPrimitives.ReadUInt64BigEndian(bytes[24..]);
    }

    /// <summary>The digest of bytes in memory.</summary>
    public static ContentDigest Of(ReadOnlySpan<byte> bytes)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(bytes, hash);
        return new ContentDigest(hash);
    }

    /// <summary>The digest of a text's UTF-8 bytes.</summary>
    public static ContentDigest Of(string text) => Of(Encoding.UTF8.GetBytes(text));

    /// <summary>The digest of texts one after the other, which are never one text in memory.</summary>
    public static ContentDigest Of(IEnumerable<string> texts)
    {
        ArgumentNullException.ThrowIfNull(texts);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var text in texts)
            hash.AppendData(Encoding.UTF8.GetBytes(text));
        return new ContentDigest(hash.GetHashAndReset());
    }

    /// <summary>Reads 64 hexadecimal digits.</summary>
    /// <exception cref="FormatException">Anything else.</exception>
    public static ContentDigest Parse(string hex)
    {
        var bytes = Convert.FromHexString(hex);
        return bytes.Length == SHA256.HashSizeInBytes
            ? new ContentDigest(bytes)
            : throw new FormatException($"'{hex}' is not a SHA-256 digest.");
    }

    /// <summary>Writes the 32 bytes.</summary>
    public void CopyTo(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, _a);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], _b);
        BinaryPrimitives.WriteUInt64BigEndian(destination[16..], _c);
        BinaryPrimitives.WriteUInt64BigEndian(destination[24..], _d);
    }

    /// <inheritdoc/>
    public bool Equals(ContentDigest other) => _a == other._a && _b == other._b && _c == other._c && _d == other._d;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is ContentDigest other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => _d.GetHashCode();

    /// <summary>64 lower-case hexadecimal digits.</summary>
    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[SHA256.HashSizeInBytes];
        CopyTo(bytes);
        return Convert.ToHexStringLower(bytes);
    }

    /// <summary>Equality.</summary>
    public static bool operator ==(ContentDigest left, ContentDigest right) => left.Equals(right);

    /// <summary>Inequality.</summary>
    public static bool operator !=(ContentDigest left, ContentDigest right) => !left.Equals(right);
}
