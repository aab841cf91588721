using System.Runtime.InteropServices;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Merging.Measuring;

namespace MergeTasks.Merging.Execution.Importance;

/// <summary>Reads the ranks of elements straight from the weight files. One object per thread.</summary>
/// <param name="deltas">Reads Δ.</param>
/// <param name="gradient">The kept gradient, where ranks are by importance.</param>
internal sealed class RankReader(DeltaReader deltas, KeptGradient? gradient)
{
    private float[] _delta = [];
    private float[] _gradient = [];

    /// <summary>Fills ranks from an element on.</summary>
    public void Read(string tensor, long start, Span<uint> ranks)
    {
        if (_delta.Length < ranks.Length)
            (_delta, _gradient) = (new float[ranks.Length], new float[gradient is null ? 0 : ranks.Length]);
        var delta = _delta.AsSpan(0, ranks.Length);
        var slopes = gradient is null ? [] : _gradient.AsSpan(0, ranks.Length);
        deltas.Read(tensor, start, delta);
        gradient?.Read(tensor, start, slopes);
        TensorCut.Rank(delta, slopes, ranks);
    }
}

/// <summary>An open gradient file of the cache.</summary>
internal sealed class KeptGradient(SafetensorsFile file) : IDisposable
{
    private readonly Dictionary<string, TensorInfo> _tensors = file.Header.Tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);

    /// <summary>Fills gradient values from an element on.</summary>
    public void Read(string tensor, long start, Span<float> values) => file.Read(_tensors[tensor].Offset + (start * sizeof(float)), MemoryMarshal.AsBytes(values));

    public void Dispose() => file.Dispose();
}
