using MergeTasks.Gguf.Format;

namespace MergeTasks.Gguf.Quantization;

/// <summary>What a matrix is for, as far as its precision depends on it.</summary>
internal enum MatrixRole
{
    /// <summary>Any other matrix.</summary>
    Plain,

    /// <summary>The head, or the token table where it is the head too.</summary>
    Head,

    /// <summary>The values' projection of an attention.</summary>
    Value,

    /// <summary>The second projection of a feed-forward part.</summary>
    Down,

    /// <summary>Scores of experts, positions: small, and never quantised.</summary>
    Exact,
}

/// <summary>Chooses each tensor's type in a file of a kind.</summary>
internal static class TypeMix
{
    /// <summary>The type of a tensor.</summary>
    /// <param name="file">The kind of file.</param>
    /// <param name="role">What the matrix is for.</param>
    /// <param name="layer">Its layer.</param>
    /// <param name="layers">Number of layers.</param>
    /// <param name="dimensions">The tensor's dimensions; vectors are never quantised.</param>
    /// <param name="rowLength">Elements of a row; whole blocks must fit it, else a type with smaller blocks is taken.</param>
    public static GgmlType TypeOf(GgufFileType file, MatrixRole role, int layer, int layers, int dimensions, long rowLength)
    {
        if (dimensions < 2 || role == MatrixRole.Exact)
            return GgmlType.F32;
        if (!file.IsQuantized)
            return file.Matrices;
        var wanted = role switch
        {
            MatrixRole.Head => file.Matrices == GgmlType.Q8_0 ? GgmlType.Q8_0 : GgmlType.Q6_K,
            MatrixRole.Value or MatrixRole.Down when IsFine(layer, layers) => file.Finer,
            _ => file.Matrices,
        };
        return rowLength % wanted.BlockElements() == 0 ? wanted
            : rowLength % GgmlType.Q8_0.BlockElements() == 0 ? GgmlType.Q8_0
            : GgmlType.F16;
    }

    // The first and last eighth of the layers and every third between.
    private static bool IsFine(int layer, int layers) =>
        layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
}
