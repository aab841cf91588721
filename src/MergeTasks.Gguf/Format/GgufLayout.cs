using System.Text;

namespace MergeTasks.Gguf.Format;

/// <summary>A tensor's place in a GGUF file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Shape">Dimensions, the innermost first, which is the format's order.</param>
/// <param name="Type">How its elements are stored.</param>
internal sealed record GgufTensor(string Name, IReadOnlyList<long> Shape, GgmlType Type)
{
    /// <summary>Bytes of its data.</summary>
    public long ByteLength => Type.BytesOf(Shape.Aggregate(1L, (product, size) => checked(product * size)));
}

/// <summary>
/// The beginning of a GGUF file (version 3): magic, counts, metadata, and each tensor's name, shape, type and place. The data follow, each
/// tensor's from a multiple of <see cref="Alignment"/> on.
/// </summary>
internal sealed class GgufLayout
{
    /// <summary>Data begin at multiples of this, the format's default.</summary>
    public const int Alignment = 32;

    /// <summary>"GGUF" as a little-endian number.</summary>
    public const uint Magic = 0x46554747;

    /// <summary>The format's version.</summary>
    public const uint Version = 3;

    private GgufLayout(byte[] header, IReadOnlyList<GgufTensor> tensors, IReadOnlyList<long> offsets, long length) =>
        (Header, Tensors, Offsets, Length) = (header, tensors, offsets, length);

    /// <summary>All before the data, padding included.</summary>
    public byte[] Header { get; }

    /// <summary>The tensors in file order.</summary>
    public IReadOnlyList<GgufTensor> Tensors { get; }

    /// <summary>Where each tensor's data begin, from the file's beginning.</summary>
    public IReadOnlyList<long> Offsets { get; }

    /// <summary>Bytes of the whole file.</summary>
    public long Length { get; }

    /// <summary>Lays out a file.</summary>
    public static GgufLayout Of(GgufMetadata metadata, IReadOnlyList<GgufTensor> tensors)
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream, Encoding.UTF8);
        writer.Write(Magic);
        writer.Write(Version);
        writer.Write((ulong)tensors.Count);
        writer.Write((ulong)metadata.Entries.Count);
        metadata.WriteTo(writer);
        var offsets = new List<long>();
        var end = 0L;
        foreach (var tensor in tensors)
        {
            GgufMetadata.Write(writer, tensor.Name);
            writer.Write((uint)tensor.Shape.Count);
            foreach (var size in tensor.Shape)
                writer.Write((ulong)size);
            writer.Write((uint)tensor.Type);
            writer.Write((ulong)end);
            offsets.Add(end);
            end = Aligned(end + tensor.ByteLength);
        }

        writer.Flush();
        var header = new byte[Aligned(stream.Length)];
        stream.GetBuffer().AsSpan(0, (int)stream.Length).CopyTo(header);
        return new GgufLayout(header, tensors, [.. offsets.Select(offset => offset + header.Length)], header.Length + end);
    }

    private static long Aligned(long position) => (position + Alignment - 1) / Alignment * Alignment;
}
