using System.Runtime.InteropServices;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Merging.Measuring;

namespace MergeTasks.Merging.Locating;

/// <summary>Reads the ranks of elements straight from the weight files. One object per thread.</summary>
/// <param name="deltas">Reads Δ.</param>
/// <param name="slopes">What ranks are by beside Δ.</param>
internal sealed class RankReader(DeltaReader deltas, KeptSlopes slopes)
{
    private float[] _delta = [];

    /// <summary>Fills ranks from an element on.</summary>
    public void Read(string tensor, long start, Span<uint> ranks)
    {
        if (_delta.Length < ranks.Length)
            _delta = new float[ranks.Length];
        var delta = _delta.AsSpan(0, ranks.Length);
        deltas.Read(tensor, start, delta);
        slopes.Rank(tensor, start, delta, ranks);
    }
}

/// <summary>
/// What the cache keeps of a model's gradient, for rules that need it element by element; any number of threads may read.
/// </summary>
/// <param name="gradient">∇M; <see langword="null"/>: ranks are by |Δ| alone.</param>
/// <param name="squares">F, the mean squared gradient of single samples; <see langword="null"/>: the rule does without.</param>
internal sealed class KeptSlopes(KeptGradient? gradient, KeptGradient? squares) : IDisposable
{
    /// <summary>The ranks of changes.</summary>
    public void Rank(string tensor, long start, ReadOnlySpan<float> delta, Span<uint> ranks)
    {
        var first = gradient is null ? [] : new float[delta.Length];
        gradient?.Read(tensor, start, first);
        var second = squares is null ? [] : new float[delta.Length];
        squares?.Read(tensor, start, second);
        TensorCut.Rank(delta, first, second, ranks);
    }

    public void Dispose()
    {
        gradient?.Dispose();
        squares?.Dispose();
    }
}

/// <summary>An open gradient file of the cache.</summary>
internal sealed class KeptGradient(SafetensorsFile file) : IDisposable
{
    private readonly Dictionary<string, TensorInfo> _tensors = file.Header.Tensors.ToDictionary(
        tensor => tensor.Name, StringComparer.Ordinal);

    /// <summary>Fills gradient values from an element on.</summary>
    public void Read(string tensor, long start, Span<float> values) =>
        file.Read(_tensors[tensor].Offset + (start * sizeof(float)), MemoryMarshal.AsBytes(values));

    public void Dispose() => file.Dispose();
}
