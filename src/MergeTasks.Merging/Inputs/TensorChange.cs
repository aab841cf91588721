using System.Globalization;
using MergeTasks.Caching;
using MergeTasks.Checkpoints.Adapters;
using MergeTasks.Checkpoints.Safetensors;

namespace MergeTasks.Merging.Inputs;

/// <summary>What an adapter adds to one tensor of a model.</summary>
internal abstract record TensorChange
{
    /// <summary>What identifies it: digests of what it is computed from, and how.</summary>
    public abstract string Describe(Func<TensorInfo, ContentDigest> digestOf);

    /// <summary>Loads it.</summary>
    public abstract AddedValues Load(AdapterInput adapter);
}

/// <summary>Products of low rank.</summary>
/// <param name="Module">The factors.</param>
/// <param name="IsTransposed">Whether matrices are stored as [in, out].</param>
/// <param name="Scale">s.</param>
internal sealed record FactorsChange(LoraModule Module, bool IsTransposed, double Scale) : TensorChange
{
    /// <summary>Number of matrices whose factors lie in the same two tensors; 1 for a plain module.</summary>
    public int Blocks { get; init; } = 1;

    /// <summary>The matrices that the tensor holds, one after the other.</summary>
    public (int First, int Count) Taken { get; init; } = (0, 1);

    /// <summary>The outputs that the tensor has of each matrix.</summary>
    public (long First, long Count) Outputs { get; init; } = (0, Module.Out);

    private bool IsWhole => Blocks == 1 && Outputs == (0, Module.Out);

    public override string Describe(Func<TensorInfo, ContentDigest> digestOf) => string.Create(CultureInfo.InvariantCulture,
        $"{digestOf(Module.A)} {Module.A.DType}\n{digestOf(Module.B)} {Module.B.DType}\nrank {Module.Rank} scale {Scale:R} transposed {IsTransposed}\n")
        + (IsWhole ? "" : string.Create(CultureInfo.InvariantCulture, $"blocks {Blocks} {Taken} outputs {Outputs}\n"));

    public override AddedValues Load(AdapterInput adapter)
    {
        if (Taken.Count == 1)
            return Product(adapter, Taken.First);
        var length = Outputs.Count * Module.In;
        return new PlacedProducts(
            [.. Enumerable.Range(0, Taken.Count).Select(i => new PlacedProduct(i * length, length, Product(adapter, Taken.First + i)))]);
    }

    // A has the rows of one matrix after those of another; in B the ranks come before the matrices: [out, rank, matrices].
    internal LowRankProduct Product(AdapterInput adapter, int block = 0)
    {
        var b = Blocks == 1 ? adapter.Read(Module.B) : adapter.ReadShared(Module.B);
        var (rank, ins) = (checked((int)(Module.Rank / Blocks)), checked((int)Module.In));
        var outs = checked((int)Outputs.Count);
        var a = adapter.Read(Module.A, (long)block * rank * ins, (long)rank * ins);
        var left = new float[outs * rank];
        for (var o = 0; o < outs; o++)
        {
            for (var k = 0; k < rank; k++)
                left[(o * rank) + k] = b[((Outputs.First + o) * Module.Rank) + ((long)k * Blocks) + block];
        }

        return IsTransposed
            ? new LowRankProduct(Transposed(a, rank, ins), Transposed(left, outs, rank), rank, outs, (float)Scale)
            : new LowRankProduct(left, a, rank, ins, (float)Scale);
    }

    private static float[] Transposed(float[] matrix, int rows, int columns)
    {
        var transposed = new float[matrix.Length];
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
                transposed[((long)column * rows) + row] = matrix[((long)row * columns) + column];
        }

        return transposed;
    }
}

/// <summary>Products of low rank in places of their own within a tensor, which elsewhere stays as it is.</summary>
/// <param name="Pieces">The element of the tensor at which each begins, and the product; in the order of their places.</param>
internal sealed record PiecesChange(IReadOnlyList<(long Start, FactorsChange Change)> Pieces) : TensorChange
{
    public override string Describe(Func<TensorInfo, ContentDigest> digestOf) => string.Concat(Pieces.Select(piece =>
        string.Create(CultureInfo.InvariantCulture, $"from {piece.Start}\n{piece.Change.Describe(digestOf)}")));

    public override AddedValues Load(AdapterInput adapter) => new PlacedProducts([.. Pieces.Select(piece =>
        new PlacedProduct(piece.Start, piece.Change.Module.Out * piece.Change.Module.In, piece.Change.Product(adapter)))]);
}

/// <summary>A vector, times s.</summary>
/// <param name="Vector">The vector.</param>
/// <param name="Scale">s.</param>
internal sealed record VectorChange(TensorInfo Vector, double Scale) : TensorChange
{
    public override string Describe(Func<TensorInfo, ContentDigest> digestOf) =>
        string.Create(CultureInfo.InvariantCulture, $"vector {digestOf(Vector)} {Vector.DType} scale {Scale:R}\n");

    public override AddedValues Load(AdapterInput adapter) =>
        new LowRankProduct([1], adapter.Read(Vector), 1, Vector.ElementCount, (float)Scale);
}
