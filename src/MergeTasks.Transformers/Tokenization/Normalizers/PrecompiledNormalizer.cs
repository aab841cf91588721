using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using MergeTasks.Transformers.Tokenization.Unicode;

namespace MergeTasks.Transformers.Tokenization.Normalizers;

/// <summary>
/// Component Precompiled, SentencePiece's table of replacements: a double-array trie (Darts-clone) over the bytes of what is replaced,
/// whose values are places in the replacements, each of which ends with a zero byte. A cluster of characters of less than six bytes is
/// looked up as a whole first, and else character by character; what is found is the shortest entry that the bytes begin with.
/// </summary>
internal sealed class PrecompiledNormalizer : INormalizer
{
    private const int LongestCluster = 5;

    private readonly uint[] _units;
    private readonly byte[] _replacements;

    /// <summary>Reads the table.</summary>
    /// <param name="table">The trie's length in bytes, the trie, the replacements.</param>
    /// <exception cref="FormatException">It is none.</exception>
    public PrecompiledNormalizer(ReadOnlySpan<byte> table)
    {
        var length = table.Length < 4 ? uint.MaxValue : BinaryPrimitives.ReadUInt32LittleEndian(table);
        if (length > table.Length - 4 || length % 4 != 0 || length == 0)
            throw new FormatException("its trie is longer than the table");
        _units = new uint[length / 4];
        for (var i = 0; i < _units.Length; i++)
            _units[i] = BinaryPrimitives.ReadUInt32LittleEndian(table[(4 + 4 * i)..]);
        _replacements = table[(4 + (int)length)..].ToArray();
    }

    public NormalizedText Normalize(NormalizedText input)
    {
        var normalized = input.Mapped(Map);

        // What begins a text after something was removed there counts as its beginning.
        return input.Head > 0 && normalized is { Head: 0, Text.Length: > 0 }
            ? normalized with { Head = char.IsHighSurrogate(normalized.Text[0]) ? 2 : 1 }
            : normalized;
    }

    private string Map(string text)
    {
        StringBuilder? result = null;
        for (var at = 0; at < text.Length;)
        {
            var cluster = text.AsSpan(at, StringInfo.GetNextTextElementLength(text.AsSpan(at)));
            if (Encoding.UTF8.GetByteCount(cluster) <= LongestCluster && Find(cluster) is { } whole)
            {
                (result ??= new StringBuilder(text, 0, at, text.Length)).Append(whole);
            }
            else
            {
                for (var i = 0; i < cluster.Length;)
                {
                    ScalarText.At(cluster, i, out var length);
                    var character = cluster.Slice(i, length);
                    if (Find(character) is { } replacement)
                        (result ??= new StringBuilder(text, 0, at + i, text.Length)).Append(replacement);
                    else
                        result?.Append(character);
                    i += length;
                }
            }

            at += cluster.Length;
        }

        return result?.ToString() ?? text;
    }

    private string? Find(ReadOnlySpan<char> key)
    {
        Span<byte> bytes = stackalloc byte[3 * key.Length];
        bytes = bytes[..Encoding.UTF8.GetBytes(key, bytes)];
        var place = OffsetOf(_units[0]);
        foreach (var value in bytes)
        {
            place ^= value;
            if (value == 0 || place >= _units.Length || (_units[place] & 0x800000FF) != value)
                return null;
            var unit = _units[place];
            place ^= OffsetOf(unit);
            if ((unit >> 8 & 1) == 1 && place < _units.Length)
                return Replacement((int)(_units[place] & 0x7FFFFFFF));
        }

        return null;
    }

    private string? Replacement(int start)
    {
        if (start > _replacements.Length)
            return null;
        var rest = _replacements.AsSpan(start);
        var end = rest.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? rest : rest[..end]);
    }

    private static uint OffsetOf(uint unit) => unit >> 10 << (int)((unit & (1 << 9)) >> 6);
}
