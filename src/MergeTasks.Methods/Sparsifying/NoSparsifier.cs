using MergeTasks.Methods.Contract;

namespace MergeTasks.Methods.Sparsifying;

/// <summary>Keeps every element.</summary>
internal sealed class NoSparsifier : ISparsifier
{
    public static readonly NoSparsifier Instance = new();

    public bool IsSequential => false;

    public int Stride => 1;

    public bool BeginPass() => false;

    public void Analyze(int model, MergeBlock block, ReadOnlySpan<float> delta)
    {
    }

    public void EndPass()
    {
    }

    public void BeginMasking(bool isLast)
    {
    }

    public void Mask(int model, MergeBlock block, Span<float> delta)
    {
    }
}
