namespace MergeTasks.Gguf.Format;

/// <summary>A kind of GGUF file by the name that its users give it: which type most of its matrices have.</summary>
/// <param name="Name">As written, such as <c>Q4_K_M</c>.</param>
/// <param name="Id">The format's number of it (<c>general.file_type</c>).</param>
/// <param name="Matrices">Type of most matrices.</param>
/// <param name="Finer">
/// Type of those that matter most: half of the values' and the second feed-forward projections; the same where there is no difference.
/// </param>
internal sealed record GgufFileType(string Name, int Id, GgmlType Matrices, GgmlType Finer)
{
    /// <summary>All kinds, from the exact to the smallest.</summary>
    public static IReadOnlyList<GgufFileType> All { get; } =
    [
        new("F32", 0, GgmlType.F32, GgmlType.F32),
        new("F16", 1, GgmlType.F16, GgmlType.F16),
        new("BF16", 32, GgmlType.BF16, GgmlType.BF16),
        new("Q8_0", 7, GgmlType.Q8_0, GgmlType.Q8_0),
        new("Q6_K", 18, GgmlType.Q6_K, GgmlType.Q6_K),
        new("Q5_K_M", 17, GgmlType.Q5_K, GgmlType.Q6_K),
        new("Q5_K_S", 16, GgmlType.Q5_K, GgmlType.Q5_K),
        new("Q4_K_M", 15, GgmlType.Q4_K, GgmlType.Q6_K),
        new("Q4_K_S", 14, GgmlType.Q4_K, GgmlType.Q5_K),
        new("Q4_1", 3, GgmlType.Q4_1, GgmlType.Q4_1),
        new("Q4_0", 2, GgmlType.Q4_0, GgmlType.Q4_0),
    ];

    /// <summary>What the kinds are called: by their names, and by llama.cpp's short ones.</summary>
    public static IReadOnlyList<(string Name, GgufFileType Type)> Names { get; } =
        [.. All.Select(type => (type.Name, type)), ("Q5_K", Named("Q5_K_M")), ("Q4_K", Named("Q4_K_M"))];

    /// <summary>16 bits for an element, as most models are published.</summary>
    public static GgufFileType BF16 { get; } = Named("BF16");

    /// <summary>Whether matrices are stored in blocks with scales.</summary>
    public bool IsQuantized => Matrices.BlockElements() > 1;

    /// <inheritdoc/>
    public override string ToString() => Name;

    private static GgufFileType Named(string name) => All.First(type => type.Name == name);
}
