namespace MergeTasks.Gguf.Format;

/// <summary>How a GGUF file stores a tensor's elements; the values are the format's own.</summary>
internal enum GgmlType
{
    /// <summary>IEEE 754 binary32.</summary>
    F32 = 0,

    /// <summary>IEEE 754 binary16.</summary>
    F16 = 1,

    /// <summary>Blocks of 32: 4 bits, one scale.</summary>
    Q4_0 = 2,

    /// <summary>Blocks of 32: 4 bits, scale and minimum.</summary>
    Q4_1 = 3,

    /// <summary>Blocks of 32: 8 bits, one scale.</summary>
    Q8_0 = 8,

    /// <summary>Blocks of 256 in eight parts: 4 bits, scales and minima of 6 bits.</summary>
    Q4_K = 12,

    /// <summary>Blocks of 256 in eight parts: 5 bits, scales and minima of 6 bits.</summary>
    Q5_K = 13,

    /// <summary>Blocks of 256 in sixteen parts: 6 bits, scales of 8 bits.</summary>
    Q6_K = 14,

    /// <summary>bfloat16.</summary>
    BF16 = 30,
}

/// <summary>Sizes of the types.</summary>
internal static class GgmlTypes
{
    private static readonly Dictionary<GgmlType, (int Elements, int Bytes)> Blocks = new()
    {
        [GgmlType.F32] = (1, 4),
        [GgmlType.F16] = (1, 2),
        [GgmlType.BF16] = (1, 2),
        [GgmlType.Q4_0] = (32, 18),
        [GgmlType.Q4_1] = (32, 20),
        [GgmlType.Q8_0] = (32, 34),
        [GgmlType.Q4_K] = (256, 144),
        [GgmlType.Q5_K] = (256, 176),
        [GgmlType.Q6_K] = (256, 210),
    };

    /// <summary>Whether this project reads and writes a type; a file may name others.</summary>
    public static bool IsKnown(GgmlType type) => Blocks.ContainsKey(type);

    /// <summary>Elements of one block; a row holds whole blocks.</summary>
    public static int BlockElements(this GgmlType type) => Blocks[type].Elements;

    /// <summary>Bytes of one block.</summary>
    public static int BlockBytes(this GgmlType type) => Blocks[type].Bytes;

    /// <summary>Bytes of a number of elements that fills whole blocks.</summary>
    public static long BytesOf(this GgmlType type, long elements) => elements / type.BlockElements() * type.BlockBytes();
}
