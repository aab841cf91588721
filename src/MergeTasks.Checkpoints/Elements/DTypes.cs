namespace MergeTasks.Checkpoints.Elements;

/// <summary>Names and sizes of the element types.</summary>
internal static class DTypes
{
    private static readonly (DType DType, int Size, bool Floating, string Safetensors, string Torch)[] Table =
    [
        (DType.Bool, 1, false, "BOOL", "bool"),
        (DType.U8, 1, false, "U8", "uint8"),
        (DType.I8, 1, false, "I8", "int8"),
        (DType.F8E5M2, 1, true, "F8_E5M2", "float8_e5m2"),
        (DType.F8E4M3, 1, true, "F8_E4M3", "float8_e4m3fn"),
        (DType.I16, 2, false, "I16", "int16"),
        (DType.U16, 2, false, "U16", "uint16"),
        (DType.F16, 2, true, "F16", "float16"),
        (DType.BF16, 2, true, "BF16", "bfloat16"),
        (DType.I32, 4, false, "I32", "int32"),
        (DType.U32, 4, false, "U32", "uint32"),
        (DType.F32, 4, true, "F32", "float32"),
        (DType.F64, 8, true, "F64", "float64"),
        (DType.I64, 8, false, "I64", "int64"),
        (DType.U64, 8, false, "U64", "uint64"),
        (DType.F8E8M0, 1, false, "F8_E8M0", "float8_e8m0fnu"),
    ];

    /// <summary>The PyTorch names of the floating-point types, in the order of <see cref="DType"/>.</summary>
    public static IEnumerable<string> FloatingPointTorchNames => Table.Where(row => row.Floating).Select(row => row.Torch);

    /// <summary>Bytes of one element.</summary>
    public static int Size(this DType dtype) => Table[(int)dtype].Size;

    /// <summary>Whether elements are floating-point numbers, which are merged; integers and booleans are copied.</summary>
    public static bool IsFloatingPoint(this DType dtype) => Table[(int)dtype].Floating;

    /// <summary>The name in a safetensors header, such as <c>BF16</c>.</summary>
    public static string SafetensorsName(this DType dtype) => Table[(int)dtype].Safetensors;

    /// <summary>The name in a model's <c>config.json</c>, such as <c>bfloat16</c>.</summary>
    public static string TorchName(this DType dtype) => Table[(int)dtype].Torch;

    /// <summary>The smallest floating-point type that holds the numbers of both.</summary>
    /// <param name="first">A floating-point type.</param>
    /// <param name="second">Another.</param>
    public static DType Promote(DType first, DType second) =>
        first == second ? first
        : first == DType.F64 || second == DType.F64 ? DType.F64
        : first == DType.F32 || second == DType.F32 ? DType.F32
        : first is DType.F8E4M3 or DType.F8E5M2 ? (second is DType.F8E4M3 or DType.F8E5M2 ? DType.F16 : second)
        : second is DType.F8E4M3 or DType.F8E5M2 ? first
        : DType.F32;

    /// <summary>Finds the type of a safetensors header name; names are case-sensitive.</summary>
    public static DType? FromSafetensorsName(string? name)
    {
        foreach (var row in Table)
            if (row.Safetensors == name)
                return row.DType;
        return null;
    }

    /// <summary>
    /// Finds the type of a PyTorch name, with or without the prefix <c>torch.</c>; <c>float8_e4m3</c> means the "fn" format.
    /// </summary>
    public static DType? FromTorchName(string? name)
    {
        const string prefix = "torch.";
        if (name is null)
            return null;
        if (name.StartsWith(prefix, StringComparison.Ordinal))
            name = name[prefix.Length..];
        if (name == "float8_e4m3")
            return DType.F8E4M3;
        foreach (var row in Table)
            if (row.Torch == name)
                return row.DType;
        return null;
    }
}
