using System.Globalization;
using System.Text;
using MergeTasks.Files;
using MergeTasks.Gguf.Format;
using Microsoft.Win32.SafeHandles;

namespace MergeTasks.Gguf.Reading;

/// <summary>
/// An open GGUF file (versions 2 and 3): its keys, and its tensors' places. Nothing is believed that the file's length contradicts.
/// </summary>
internal sealed class GgufFile : IDisposable
{
    private const int MostEntries = 1 << 20;
    private const int LongestText = 1 << 24;
    private const int MostDimensions = 4;

    private readonly SafeFileHandle _handle;
    private readonly Dictionary<string, object> _values = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (uint Type, int Count, long Offset)> _lists = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (GgufTensor Tensor, long Offset)> _tensors = new(StringComparer.Ordinal);

    private GgufFile(string path, SafeFileHandle handle) => (Path, _handle) = (path, handle);

    /// <summary>Full path.</summary>
    public string Path { get; }

    /// <summary>The tensors by name, with the first byte of each.</summary>
    public IReadOnlyDictionary<string, (GgufTensor Tensor, long Offset)> Tensors => _tensors;

    /// <summary>Opens a file and reads all before the data.</summary>
    /// <exception cref="GgufException">It breaks the format's rules, or has a type that is not read.</exception>
    /// <exception cref="FileFault">It cannot be read.</exception>
    public static GgufFile Open(string path)
    {
        var handle = InputFile.Open(path);
        try
        {
            var file = new GgufFile(path, handle);
            using var stream = InputFile.OpenStream(path);
            using var buffered = new BufferedStream(stream, 1 << 16);
            using var reader = new BinaryReader(buffered, Encoding.UTF8);
            file.ReadHeader(reader, stream.Length);
            return file;
        }
        catch (EndOfStreamException e)
        {
            handle.Dispose();
            throw Malformed("ends in the middle of its header; it looks truncated", e);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>A number; <see langword="null"/> where the key is absent or holds something else.</summary>
    public double? Number(string key) => _values.GetValueOrDefault(key) is double number ? number : null;

    /// <summary>A text; <see langword="null"/> where the key is absent or holds something else.</summary>
    public string? Text(string key) => _values.GetValueOrDefault(key) as string;

    /// <summary>The keys that hold a number or a text.</summary>
    public IEnumerable<string> Keys => _values.Keys;

    /// <summary>A list of texts, read now; <see langword="null"/> where the key is absent or holds something else.</summary>
    /// <exception cref="FileFault">It cannot be read any more.</exception>
    public string[]? Texts(string key) => _lists.TryGetValue(key, out var list) && list.Type == (uint)GgufValueType.Text
        ? ReadList(list.Count, list.Offset, Text) : null;

    /// <summary>A list of numbers, read now; <see langword="null"/> where the key is absent or holds something else.</summary>
    /// <exception cref="FileFault">It cannot be read any more.</exception>
    public double[]? Numbers(string key) => _lists.TryGetValue(key, out var list) && list.Type != (uint)GgufValueType.Text
        ? ReadList(list.Count, list.Offset, reader => (double)Value(reader, list.Type)!) : null;

    /// <summary>The number with the fewest digits that is read as this one: what was meant where a file's fp32 is not exact.</summary>
    public static double Shortest(float number) =>
        double.Parse(number.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    /// <summary>Reads bytes of a tensor.</summary>
    public void Read(string tensor, long start, Span<byte> destination)
    {
        var offset = _tensors[tensor].Offset + start;
        while (!destination.IsEmpty)
        {
            var got = RandomAccess.Read(_handle, destination, offset);
            if (got == 0)
                throw FileFault.Changed(Path);
            destination = destination[got..];
            offset += got;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    private void ReadHeader(BinaryReader reader, long length)
    {
        if (reader.ReadUInt32() != GgufLayout.Magic)
            throw Malformed("does not begin with 'GGUF'");
        if (reader.ReadUInt32() is not (2 or 3) and var version)
            throw Malformed($"has version {version}; 2 and 3 are read");
        var (tensors, entries) = (Count(reader.ReadUInt64()), Count(reader.ReadUInt64()));
        for (var i = 0; i < entries; i++)
            ReadEntry(reader);
        var infos = new List<(GgufTensor Tensor, long Offset)>();
        for (var i = 0; i < tensors; i++)
            infos.Add(ReadTensor(reader));
        var alignment = (long)(Number("general.alignment") ?? GgufLayout.Alignment);
        if (alignment is < 1 or > 1 << 20)
            throw Malformed($"has the alignment {alignment}");
        var data = (reader.BaseStream.Position + alignment - 1) / alignment * alignment;
        foreach (var (tensor, offset) in infos)
        {
            if (offset > length - data || tensor.ByteLength > length - data - offset)
                throw Malformed($"has the tensor '{tensor.Name}' beyond its end; it looks truncated");
            if (!_tensors.TryAdd(tensor.Name, (tensor, data + offset)))
                throw Malformed($"has the tensor '{tensor.Name}' twice");
        }
    }

    private void ReadEntry(BinaryReader reader)
    {
        var key = Text(reader);
        var type = reader.ReadUInt32();
        if (_values.ContainsKey(key) || _lists.ContainsKey(key))
            throw Malformed($"has the key '{key}' twice");
        if (type == (uint)GgufValueType.List)
            _lists.Add(key, SkipList(reader));
        else
            _values.Add(key, Value(reader, type)!);
    }

    // Lists are tokens, merges and their like, which no weight needs.
    private static (uint Type, int Count, long Offset) SkipList(BinaryReader reader)
    {
        var type = reader.ReadUInt32();
        var count = reader.ReadUInt64();
        if (count > (ulong)MostEntries * 4)
            throw Malformed($"has a list of {count} values");
        if (type == (uint)GgufValueType.List)
            throw Malformed("has a list of lists");
        var offset = reader.BaseStream.Position;
        if (SizeOf(type) is { } size)
        {
            if ((long)count * size > reader.BaseStream.Length - offset)
                throw new EndOfStreamException();
            reader.BaseStream.Position = offset + (long)count * size;
        }
        else
        {
            for (var i = 0UL; i < count; i++)
                Value(reader, type);
        }

        return (type, (int)count, offset);
    }

    // Of one value; null where they differ in size.
    private static int? SizeOf(uint type) => (GgufValueType)type switch
    {
        GgufValueType.UInt8 or GgufValueType.Int8 or GgufValueType.Bool => 1,
        GgufValueType.UInt16 or GgufValueType.Int16 => 2,
        GgufValueType.UInt32 or GgufValueType.Int32 or GgufValueType.Float32 => 4,
        GgufValueType.UInt64 or GgufValueType.Int64 or GgufValueType.Float64 => 8,
        _ => null,
    };

    private T[] ReadList<T>(int count, long offset, Func<BinaryReader, T> read)
    {
        try
        {
            using var stream = InputFile.OpenStream(Path);
            stream.Position = offset;
            using var buffered = new BufferedStream(stream, 1 << 16);
            using var reader = new BinaryReader(buffered, Encoding.UTF8);
            var list = new T[count];
            for (var i = 0; i < list.Length; i++)
                list[i] = read(reader);
            return list;
        }
        catch (EndOfStreamException)
        {
            throw FileFault.Changed(Path);
        }
    }

    private static object? Value(BinaryReader reader, uint type) => (GgufValueType)type switch
    {
        GgufValueType.UInt8 => (double)reader.ReadByte(),
        GgufValueType.Int8 => (double)reader.ReadSByte(),
        GgufValueType.UInt16 => (double)reader.ReadUInt16(),
        GgufValueType.Int16 => (double)reader.ReadInt16(),
        GgufValueType.UInt32 => (double)reader.ReadUInt32(),
        GgufValueType.Int32 => (double)reader.ReadInt32(),
        GgufValueType.Float32 => Shortest(reader.ReadSingle()),
        GgufValueType.Bool => reader.ReadByte() != 0 ? 1.0 : 0.0,
        GgufValueType.Text => Text(reader),
        GgufValueType.UInt64 => (double)reader.ReadUInt64(),
        GgufValueType.Int64 => (double)reader.ReadInt64(),
        GgufValueType.Float64 => reader.ReadDouble(),
        _ => throw Malformed($"has a value of the unknown type {type}"),
    };

    private static (GgufTensor Tensor, long Offset) ReadTensor(BinaryReader reader)
    {
        var name = Text(reader);
        var dimensions = reader.ReadUInt32();
        if (dimensions is 0 or > MostDimensions)
            throw Malformed($"has the tensor '{name}' with {dimensions} dimensions");
        var shape = new long[dimensions];
        var count = UInt128.One;
        for (var i = 0; i < shape.Length; i++)
        {
            var size = reader.ReadUInt64();
            if (size is 0 or > int.MaxValue || (count *= size) > (ulong)long.MaxValue / 8)
                throw Malformed($"has the tensor '{name}' with a dimension of {size}");
            shape[i] = (long)size;
        }

        var type = (GgmlType)reader.ReadUInt32();
        var offset = reader.ReadUInt64();
        if (!GgmlTypes.IsKnown(type))
            throw new GgufException(
                GgufError.UnknownArchitecture,
                $"stores '{name}' in the type {GgmlTypes.NameOf(type)}, which is not read; "
                    + $"{string.Join(", ", GgmlTypes.Known)} are. Take a file with these, or the checkpoint that it was made of");
        if (shape[0] % type.BlockElements() != 0 || offset > long.MaxValue / 2)
            throw Malformed($"has the tensor '{name}' with rows that {type} cannot store");
        return (new GgufTensor(name, shape, type), (long)offset);
    }

    private static string Text(BinaryReader reader)
    {
        var length = reader.ReadUInt64();
        if (length > LongestText)
            throw Malformed($"has a text of {length} bytes");
        var bytes = reader.ReadBytes((int)length);
        return bytes.Length == (int)length ? Encoding.UTF8.GetString(bytes) : throw new EndOfStreamException();
    }

    private static int Count(ulong count) => count <= MostEntries ? (int)count : throw Malformed($"has {count} entries");

    private static GgufException Malformed(string reason, Exception? inner = null) => new(GgufError.Malformed, reason, inner);
}
