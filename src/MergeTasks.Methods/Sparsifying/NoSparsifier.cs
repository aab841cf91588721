using MergeTasks.Methods.Contract;

namespace MergeTasks.Methods.Sparsifying;

/// <summary>Keeps every element.</summary>
internal sealed class NoSparsifier : ISparsifier
{
    public static readonly NoSparsifier Instance = new();

    public void Mask(int model, MergeBlock block, Span<float> delta)
    {
    }
}
