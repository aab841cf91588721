using System.Buffers.Binary;
using System.Text;

namespace MergeTasks.TestSupport;

/// <summary>
/// Writes a shared library of Linux x64 without code that needs one version of another library, and may refer to a function of it.
/// </summary>
internal static class TinyLibrary
{
    private const int Size = 0x600;
    private const int Headers =
        0x40, Dynamic = 0x100, Strings = 0x200, Symbols = 0x300, SymbolVersions = 0x340, Needs = 0x380, Relocations = 0x400, Slot = 0x500;

    /// <param name="library">Name of the library that it needs.</param>
    /// <param name="version">The version that it needs of that; null for none in particular.</param>
    /// <param name="function">A function of that version.</param>
    /// <param name="refers">Whether it refers to the function, or only names it.</param>
    public static byte[] Of(string library, string? version, string function, bool refers)
    {
        var bytes = new byte[Size];
        var strings = "\0";
        var (name, needed, symbol, versionName) = (Add("libtiny.so"), Add(library), Add(function), Add(version ?? ""));
        Encoding.ASCII.GetBytes(strings).CopyTo(bytes, Strings);

        // The file's header: 64 bits, little-endian, a shared object for x86-64 with three program headers.
        "\u007fELF\u0002\u0001\u0001"u8.CopyTo(bytes);
        Put16(0x10, 3, 62);
        Put32(0x14, 1);
        Put64(0x20, Headers);
        Put16(0x34, 64, 56, 3);
        Header(0, 1, 6, 0, Size, 0x1000);
        Header(1, 2, 6, Dynamic, Strings - Dynamic, 8);
        Header(2, 0x6474E551, 6, 0, 0, 16);

        List<(ulong Tag, ulong Value)> entries = [
            (1, needed), (14, name), (5, Strings), (10, (ulong)strings.Length), (6, Symbols), (11, 24)
        ];
        if (version is not null)
            entries.AddRange([(0x6FFFFFF0, SymbolVersions), (0x6FFFFFFE, Needs), (0x6FFFFFFF, 1)]);
        if (refers)
            entries.AddRange([(7, Relocations), (8, 24), (9, 24)]);
        for (var i = 0; i < entries.Count; i++)
            Put64(Dynamic + 16 * i, entries[i].Tag, entries[i].Value);

        // Symbol 1: a global function that another library has, of version 2.
        Put32(Symbols + 24, (uint)symbol);
        bytes[Symbols + 28] = 0x12;
        Put16(SymbolVersions + 2, 2);
        Put16(Needs, 1, 1);
        Put32(Needs + 4, (uint)needed, 16);
        Put32(Needs + 16, Hash(version ?? ""));
        Put16(Needs + 22, 2);
        Put32(Needs + 24, (uint)versionName);
        // R_X86_64_GLOB_DAT of symbol 1.
        Put64(Relocations, Slot, 1UL << 32 | 6);
        return bytes;

        ulong Add(string text)
        {
            var at = strings.Length;
            strings += text + "\0";
            return (ulong)at;
        }

        void Header(int index, uint type, uint flags, ulong offset, ulong size, ulong align)
        {
            Put32(Headers + 56 * index, type, flags);
            Put64(Headers + 56 * index + 8, offset, offset, offset, size, size, align);
        }

        void Put16(int at, params ReadOnlySpan<ushort> values)
        {
            for (var i = 0; i < values.Length; i++)
                BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(at + 2 * i), values[i]);
        }

        void Put32(int at, params ReadOnlySpan<uint> values)
        {
            for (var i = 0; i < values.Length; i++)
                BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(at + 4 * i), values[i]);
        }

        void Put64(int at, params ReadOnlySpan<ulong> values)
        {
            for (var i = 0; i < values.Length; i++)
                BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(at + 8 * i), values[i]);
        }
    }

    // System V ABI, "Hash Table": the loader compares versions by it first.
    private static uint Hash(string name)
    {
        var hash = 0u;
        foreach (var letter in name)
        {
            hash = (hash << 4) + letter;
            var high = hash & 0xF0000000;
            hash = (hash ^ high >> 24) & ~high;
        }

        return hash;
    }
}
