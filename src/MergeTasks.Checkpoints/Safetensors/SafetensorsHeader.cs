using System.Buffers.Binary;
using System.Text.Json;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Pickled;
using MergeTasks.Files;
using MergeTasks.Files.Json;

namespace MergeTasks.Checkpoints.Safetensors;

/// <summary>
/// The header of a safetensors file: an 8-byte little-endian length, then that many bytes of JSON.
/// Checked as strictly as the format's reference implementation: bounded header, no duplicate names,
/// offsets that cover the data without holes or overlaps, sizes that match dtype and shape.
/// </summary>
internal sealed class SafetensorsHeader
{
    /// <summary>Bytes of the length field in front of the JSON text.</summary>
    public const int LengthFieldSize = 8;

    private const long MaxHeaderLength = 100_000_000;

    private SafetensorsHeader(IReadOnlyList<TensorInfo> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        Tensors = tensors;
        Metadata = metadata;
    }

    /// <summary>The tensors in the order of their data.</summary>
    public IReadOnlyList<TensorInfo> Tensors { get; }

    /// <summary>The header's <c>__metadata__</c>; empty where absent.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>The tensors of a file whose elements lie as they would in a safetensors file, and that says so in another way.</summary>
    public static SafetensorsHeader Of(IEnumerable<StoredView> tensors) => new(
        [.. tensors.Select(tensor => new TensorInfo(tensor.Name, tensor.DType, tensor.Shape, tensor.Offset))],
        new Dictionary<string, string>());

    /// <summary>Reads the length field.</summary>
    /// <param name="path">For error messages.</param>
    /// <param name="field">The file's first bytes (fewer than 8 if the file is shorter).</param>
    /// <param name="fileLength">Bytes of the whole file.</param>
    /// <exception cref="CheckpointException"><see cref="CheckpointError.Malformed"/>: the length cannot be right.</exception>
    public static int ReadLength(string path, ReadOnlySpan<byte> field, long fileLength)
    {
        if (field.Length < LengthFieldSize)
            throw Malformed(path, $"it has {fileLength} bytes, fewer than the {LengthFieldSize} of a safetensors header length");
        var length = BinaryPrimitives.ReadUInt64LittleEndian(field);
        if (length > MaxHeaderLength)
            throw Malformed(path, $"its header claims {length} bytes; at most {MaxHeaderLength} are allowed");
        if (length < 2)
            throw Malformed(path, $"its header claims {length} bytes, too few for a JSON object");
        if (LengthFieldSize + (long)length > fileLength)
            throw Malformed(path, $"its header claims {length} bytes but the file has only {fileLength}; it looks truncated");
        return (int)length;
    }

    /// <summary>Parses and validates the JSON part.</summary>
    /// <param name="path">For error messages.</param>
    /// <param name="json">The header's JSON text, padding included.</param>
    /// <param name="fileLength">Bytes of the whole file, which the tensors must fill exactly.</param>
    /// <param name="pool">Shares descriptions of tensors with other files; <see langword="null"/>: with none.</param>
    /// <exception cref="CheckpointException"><see cref="CheckpointError.Malformed"/>: with the rule that is broken.</exception>
    public static SafetensorsHeader Parse(string path, ReadOnlyMemory<byte> json, long fileLength, TensorInfoPool? pool = null)
    {
        if (json.Length == 0 || json.Span[0] != '{')
            throw Malformed(path, "its header does not begin with '{'");
        try
        {
            return ParseObject(path, StrictJson.Check(json, path).Span, fileLength, pool);
        }
        catch (FileFault e)
        {
            throw Malformed(path, $"its header {e.Reason}", e);
        }
    }

    private static SafetensorsHeader ParseObject(string path, ReadOnlySpan<byte> json, long fileLength, TensorInfoPool? pool)
    {
        var reader = StrictJson.Tokens(json);
        reader.Read();
        var tensors = new List<(TensorInfo Info, long End)>();
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        var dataStart = LengthFieldSize + json.Length;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            reader.Read();
            if (name == "__metadata__")
                ReadMetadata(path, ref reader, metadata);
            else
                tensors.Add(Shared(ReadTensor(path, name, ref reader, dataStart), pool));
        }

        return new SafetensorsHeader(CheckOffsets(path, tensors, dataStart, fileLength), metadata);
    }

    private static (TensorInfo Info, long End) Shared((TensorInfo Info, long End) tensor, TensorInfoPool? pool) =>
        (pool?.Share(tensor.Info) ?? tensor.Info, tensor.End);

    private static void ReadMetadata(string path, ref Utf8JsonReader reader, Dictionary<string, string> metadata)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            throw Malformed(path, "its __metadata__ is not an object");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = reader.GetString()!;
            reader.Read();
            if (reader.TokenType != JsonTokenType.String)
                throw Malformed(path, $"its __metadata__ value '{key}' is not a string");
            metadata.Add(key, reader.GetString()!);
        }
    }

    private static (TensorInfo Info, long End) ReadTensor(string path, string name, ref Utf8JsonReader reader, long dataStart)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            throw Malformed(path, $"its entry '{name}' is not an object");
        string? dtypeName = null;
        List<long>? shape = null, offsets = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = reader.GetString();
            reader.Read();
            switch (key)
            {
                case "dtype" when dtypeName is null && reader.TokenType == JsonTokenType.String:
                    dtypeName = reader.GetString();
                    break;
                case "shape" when shape is null:
                    shape = ReadSizes(path, name, ref reader);
                    break;
                case "data_offsets" when offsets is null:
                    offsets = ReadSizes(path, name, ref reader);
                    break;
                default:
                    throw Malformed(path, $"tensor '{name}' has an unexpected or repeated field '{key}'");
            }
        }

        if (dtypeName is null || shape is null || offsets is not [var start, var end])
            throw Malformed(path, $"tensor '{name}' needs dtype, shape and two data_offsets");
        if (DTypes.FromSafetensorsName(dtypeName) is not { } dtype)
            throw Malformed(path, $"tensor '{name}' has the unknown dtype '{dtypeName}'");
        if (end < start || ByteLength(shape, dtype) != end - start)
            throw Malformed(
                path, $"tensor '{name}' ({dtypeName}, {TensorInfo.Shown(shape)}) does not fill its data_offsets [{start}, {end}]");
        if (end > long.MaxValue - dataStart)
            throw Malformed(path, $"tensor '{name}' lies beyond any file's end");
        return (new TensorInfo(name, dtype, shape, dataStart + start), dataStart + end);
    }

    private static List<long> ReadSizes(string path, string name, ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
            throw Malformed(path, $"tensor '{name}' has a shape or data_offsets that is not a list");
        var sizes = new List<long>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out var size) || size < 0)
                throw Malformed(path, $"tensor '{name}' has a size that is not a whole number from 0 to 2^63-1");
            sizes.Add(size);
        }

        return sizes;
    }

    private static long? ByteLength(List<long> shape, DType dtype)
    {
        try
        {
            return shape.Aggregate((long)dtype.Size(), (product, dimension) => checked(product * dimension));
        }
        catch (OverflowException)
        {
            return null;
        }
    }

    private static List<TensorInfo> CheckOffsets(string path, List<(TensorInfo Info, long End)> tensors, long dataStart, long fileLength)
    {
        tensors.Sort((a, b) => (a.Info.Offset, a.End).CompareTo((b.Info.Offset, b.End)));
        var expected = dataStart;
        foreach (var (info, end) in tensors)
        {
            if (info.Offset != expected)
                throw Malformed(
                    path, $"tensor '{info.Name}' {(info.Offset < expected ? "overlaps its predecessor" : "leaves a hole before it")}");
            expected = end;
        }

        if (expected != fileLength)
            throw Malformed(
                path,
                $"its tensors end at byte {expected} but the file has {fileLength}; it looks {(fileLength < expected ? "truncated" : "damaged")}");
        return tensors.ConvertAll(tensor => tensor.Info);
    }

    private static CheckpointException Malformed(string path, string reason, Exception? inner = null) =>
        new(CheckpointError.Malformed, path, $"'{path}' is not a valid safetensors file: {reason}.", inner);
}
