namespace MergeTasks.Numerics.Products;

/// <summary>Cutting a length into blocks.</summary>
internal static class Blocks
{
    /// <summary>How many blocks of a size a length has, the last one cut.</summary>
    public static int Count(int length, int block) => (int)(((long)length + block - 1) / block);

    /// <summary>The size of as many blocks as the largest size needs, made equal but for rounding up to a multiple.</summary>
    public static int Even(int length, int largest, int multiple) =>
        Count(Count(length, Count(length, largest)), multiple) * multiple;
}
