namespace MergeTasks.Merging.Methods;

/// <summary>Keeps every element.</summary>
internal sealed class NoSparsifier : ISparsifier
{
    public static readonly NoSparsifier Instance = new();

    public int Passes => 0;

    public bool IsSequential => false;

    public int BeginPass(int pass) => 0;

    public void Analyze(int pass, int model, MergeBlock block, ReadOnlySpan<float> delta, Span<double> partials)
    {
    }

    public void EndPass(int pass, double[] partials)
    {
    }

    public void Mask(int model, MergeBlock block, Span<float> delta)
    {
    }
}
