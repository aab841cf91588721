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

    /// <summary>Blocks of 32: 5 bits, one scale.</summary>
    Q5_0 = 6,

    /// <summary>Blocks of 32: 5 bits, scale and minimum.</summary>
    Q5_1 = 7,

    /// <summary>Blocks of 32: 8 bits, one scale.</summary>
    Q8_0 = 8,

    /// <summary>Blocks of 256 in sixteen parts: 2 bits, scales and minima of 4 bits.</summary>
    Q2_K = 10,

    /// <summary>Blocks of 256 in sixteen parts: 3 bits, scales of 6 bits.</summary>
    Q3_K = 11,

    /// <summary>Blocks of 256 in eight parts: 4 bits, scales and minima of 6 bits.</summary>
    Q4_K = 12,

    /// <summary>Blocks of 256 in eight parts: 5 bits, scales and minima of 6 bits.</summary>
    Q5_K = 13,

    /// <summary>Blocks of 256 in sixteen parts: 6 bits, scales of 8 bits.</summary>
    Q6_K = 14,

    /// <summary>Blocks of 32: 4 bits for sixteen uneven levels, one scale.</summary>
    IQ4_NL = 20,

    /// <summary>Blocks of 256 in eight parts: the levels of <see cref="IQ4_NL"/>, scales of 6 bits.</summary>
    IQ4_XS = 23,

    /// <summary>bfloat16.</summary>
    BF16 = 30,

    /// <summary>Blocks of 32: E2M1 with a power of two (OCP Microscaling Formats, version 1.0).</summary>
    MXFP4 = 39,
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
        [GgmlType.Q5_0] = (32, 22),
        [GgmlType.Q5_1] = (32, 24),
        [GgmlType.Q8_0] = (32, 34),
        [GgmlType.Q2_K] = (256, 84),
        [GgmlType.Q3_K] = (256, 110),
        [GgmlType.IQ4_NL] = (32, 18),
        [GgmlType.IQ4_XS] = (256, 136),
        [GgmlType.MXFP4] = (32, 17),
        [GgmlType.Q4_K] = (256, 144),
        [GgmlType.Q5_K] = (256, 176),
        [GgmlType.Q6_K] = (256, 210),
    };

    // Types that files have and this project does not read.
    private static readonly Dictionary<int, string> Others = new()
    {
        [9] = "Q8_1", [15] = "Q8_K", [16] = "IQ2_XXS", [17] = "IQ2_XS", [18] = "IQ3_XXS", [19] = "IQ1_S", [21] = "IQ3_S", [22] = "IQ2_S",
        [24] = "I8", [25] = "I16", [26] = "I32", [27] = "I64", [28] = "F64", [29] = "IQ1_M", [34] = "TQ1_0", [35] = "TQ2_0",
        [40] = "NVFP4",
    };

    /// <summary>The types that are read.</summary>
    public static IReadOnlyList<GgmlType> Known { get; } = [.. Blocks.Keys.Order()];

    /// <summary>A type's name, also of one that is not read; its number where it is none of the format's.</summary>
    public static string NameOf(GgmlType type) =>
        IsKnown(type) ? $"{type}" : Others.GetValueOrDefault((int)type) ?? $"{(uint)type}";

    /// <summary>Whether this project reads a type; a file may name others.</summary>
    public static bool IsKnown(GgmlType type) => Blocks.ContainsKey(type);

    /// <summary>Elements of one block; a row holds whole blocks.</summary>
    public static int BlockElements(this GgmlType type) => Blocks[type].Elements;

    /// <summary>Bytes of one block.</summary>
    public static int BlockBytes(this GgmlType type) => Blocks[type].Bytes;

    /// <summary>Bytes of a number of elements that fills whole blocks.</summary>
    public static long BytesOf(this GgmlType type, long elements) => elements / type.BlockElements() * type.BlockBytes();
}
