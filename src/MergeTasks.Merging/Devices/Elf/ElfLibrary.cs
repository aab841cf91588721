using System.IO.MemoryMappedFiles;
using System.Runtime.CompilerServices;
using System.Text;
using MergeTasks.Files;

namespace MergeTasks.Merging.Devices.Elf;

/// <summary>
/// What a shared library of Linux says to the loader of the versions of symbols that it needs and has. Read as the loader does, by program
/// headers and the dynamic section. Sources: System V ABI (gABI 4.1, chapters 4 and 5), Linux Standard Base 5.0 (Core, "Symbol
/// Versioning").
/// </summary>
internal sealed class ElfLibrary : IDisposable
{
    // ELFCLASS64, ELFDATA2LSB, behind the magic number.
    private const uint Magic = 0x464C457F;
    private const ushort Class64LittleEndian = 0x0102;
    private const ushort WeakFlag = 2;
    private const ushort IndexBits = 0x7FFF;
    private const int LongestName = 4096;

    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _bytes;
    private readonly List<(ulong Address, ulong Size, ulong Offset)> _segments = [];
    private readonly Dictionary<Tag, ulong> _dynamic = [];

    private ElfLibrary(FileStream file)
    {
        _file = MemoryMappedFile.CreateFromFile(file, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        _bytes = _file.CreateViewAccessor(0, file.Length, MemoryMappedFileAccess.Read);
    }

    // Dynamic array tags.
    private enum Tag : ulong
    {
        Null = 0,
        Needed = 1,
        PltRelocationsSize = 2,
        Strings = 5,
        Relocations = 7,
        RelocationsSize = 8,
        SharedName = 14,
        PltRelocations = 23,
        SymbolVersions = 0x6FFFFFF0,
        Definitions = 0x6FFFFFFC,
        DefinitionCount = 0x6FFFFFFD,
        Needs = 0x6FFFFFFE,
        NeedCount = 0x6FFFFFFF,
    }

    /// <summary>The name under which others need it (<c>DT_SONAME</c>); empty for none.</summary>
    public string Name { get; private set; } = "";

    /// <summary>Names of the libraries that it needs.</summary>
    public IReadOnlyList<string> Needed { get; private set; } = [];

    /// <summary>The versions that it needs of them.</summary>
    public IReadOnlyList<VersionNeed> Needs { get; private set; } = [];

    /// <summary>Names of the versions that it has.</summary>
    public IReadOnlyList<string> Versions { get; private set; } = [];

    /// <summary>Opens a file.</summary>
    /// <exception cref="InvalidDataException">It is no shared library of 64 bits, little-endian, or not a whole one.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">Likewise.</exception>
    public static ElfLibrary Open(string path)
    {
        // Of the file that a link leads to, too.
        using var file = InputFile.OpenStream(path);
        if (file.Length == 0)
            throw Malformed();
        var library = new ElfLibrary(file);
        try
        {
            library.Read();
            return library;
        }
        catch
        {
            library.Dispose();
            throw;
        }
    }

    /// <summary>Whether the code or the data refer to a symbol of that version: only then does the loader look one up.</summary>
    /// <exception cref="InvalidDataException">The file is not whole.</exception>
    public bool Uses(VersionNeed need)
    {
        ArgumentNullException.ThrowIfNull(need);
        return AnyRelocation(Tag.Relocations, Tag.RelocationsSize, need.Index)
            || AnyRelocation(Tag.PltRelocations, Tag.PltRelocationsSize, need.Index);
    }

    /// <summary>Writes a copy that can be loaded without some of the versions.</summary>
    /// <param name="source">Full path of a library.</param>
    /// <param name="target">Full path of the copy, which must not exist.</param>
    /// <param name="needs">Needs of the library that become weak.</param>
    public static void CopyWeakened(string source, string target, IEnumerable<VersionNeed> needs)
    {
        ArgumentNullException.ThrowIfNull(needs);
        using var from = InputFile.OpenStream(source);
        using var to = new FileStream(target, FileMode.CreateNew, FileAccess.ReadWrite);
        from.CopyTo(to);
        foreach (var need in needs)
        {
            to.Position = need.FlagsOffset;
            var flags = to.ReadByte();
            to.Position = need.FlagsOffset;
            to.WriteByte((byte)(flags | WeakFlag));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _bytes.Dispose();
        _file.Dispose();
    }

    private void Read()
    {
        if (At<uint>(0) != Magic || At<ushort>(4) != Class64LittleEndian)
            throw Malformed();
        var (headers, size, count) = (At<ulong>(0x20), At<ushort>(0x36), At<ushort>(0x38));
        var (dynamic, entries) = (0UL, 0UL);
        for (var header = headers; header < headers + (ulong)size * count; header += size)
        {
            var (type, offset, address, length) = (At<uint>(header), At<ulong>(header + 8), At<ulong>(header + 16), At<ulong>(header + 32));
            if (type == 1)
                _segments.Add((address, length, offset));
            else if (type == 2)
                (dynamic, entries) = (offset, length / 16);
        }

        var needed = new List<ulong>();
        for (var entry = dynamic; entry < dynamic + 16 * entries && At<Tag>(entry) != Tag.Null; entry += 16)
        {
            if (At<Tag>(entry) == Tag.Needed)
                needed.Add(At<ulong>(entry + 8));
            else
                _dynamic[At<Tag>(entry)] = At<ulong>(entry + 8);
        }

        Needed = [.. needed.Select(Text)];
        Name = _dynamic.TryGetValue(Tag.SharedName, out var name) ? Text(name) : "";
        Needs = [.. ReadNeeds()];
        Versions = [.. Records(Tag.Definitions, Tag.DefinitionCount, 16).Select(at => Text(At<uint>(at + At<uint>(at + 12))))];
    }

    private IEnumerable<VersionNeed> ReadNeeds()
    {
        foreach (var at in Records(Tag.Needs, Tag.NeedCount, 12))
        {
            var library = Text(At<uint>(at + 4));
            var version = at + At<uint>(at + 8);
            for (var left = At<ushort>(at + 2); left > 0; left--)
            {
                var flags = version + 4;
                yield return new VersionNeed(
                    library, Text(At<uint>(version + 8)), At<ushort>(version + 6), (At<ushort>(flags) & WeakFlag) != 0, (long)flags);
                version += At<uint>(version + 12);
            }
        }
    }

    // Both lists of versions are chains: each record says how far the next is.
    private IEnumerable<ulong> Records(Tag start, Tag count, ulong next)
    {
        if (!_dynamic.TryGetValue(start, out var address))
            yield break;
        var at = Offset(address);
        for (var left = _dynamic.GetValueOrDefault(count); left > 0; left--)
        {
            yield return at;
            if (At<uint>(at + next) == 0)
                yield break;
            at += At<uint>(at + next);
        }
    }

    // Elf64_Rela: offset, symbol << 32 | type, addend.
    private bool AnyRelocation(Tag start, Tag size, int version)
    {
        if (!_dynamic.TryGetValue(start, out var address) || !_dynamic.TryGetValue(Tag.SymbolVersions, out var versions))
            return false;
        var (from, table) = (Offset(address), Offset(versions));
        for (var at = from; at < from + _dynamic.GetValueOrDefault(size); at += 24)
        {
            var symbol = At<ulong>(at + 8) >> 32;
            if (symbol != 0 && (At<ushort>(table + 2 * symbol) & IndexBits) == version)
                return true;
        }

        return false;
    }

    private ulong Offset(ulong address)
    {
        foreach (var segment in _segments)
            if (address >= segment.Address && address - segment.Address < segment.Size)
                return segment.Offset + (address - segment.Address);
        throw Malformed();
    }

    private string Text(ulong at) => Text(Offset(_dynamic.GetValueOrDefault(Tag.Strings)), at);

    private string Text(ulong table, ulong at)
    {
        var bytes = new List<byte>();
        for (var next = table + at; At<byte>(next) is var letter and not 0; next++)
        {
            if (bytes.Count == LongestName)
                throw Malformed();
            bytes.Add(letter);
        }

        return Encoding.UTF8.GetString([.. bytes]);
    }

    private T At<T>(ulong offset) where T : unmanaged
    {
        if (offset > long.MaxValue || (long)offset > _bytes.Capacity - Unsafe.SizeOf<T>())
            throw Malformed();
        _bytes.Read((long)offset, out T value);
        return value;
    }

    private static InvalidDataException Malformed() => new("The file is no shared library of 64 bits, or not a whole one.");
}
