namespace MergeTasks.Checkpoints.Safetensors;

/// <summary>
/// Lets checkpoints with the same tensors share what describes them: fine-tunes of one model differ in their numbers alone, and names and
/// shapes of many models take far more memory than those of one. Not for several threads.
/// </summary>
internal sealed class TensorInfoPool
{
    private readonly Dictionary<string, TensorInfo> _known = new(StringComparer.Ordinal);

    /// <summary>
    /// An equal description that is there already, or at least the same name and shape; else this one, which is kept for others.
    /// </summary>
    public TensorInfo Share(TensorInfo info)
    {
        ArgumentNullException.ThrowIfNull(info);
        if (!_known.TryGetValue(info.Name, out var known))
            return _known[info.Name] = info;
        var isShaped = known.Shape.SequenceEqual(info.Shape);
        return isShaped && known.DType == info.DType && known.Offset == info.Offset
            ? known
            : info with { Name = known.Name, Shape = isShaped ? known.Shape : info.Shape };
    }
}
