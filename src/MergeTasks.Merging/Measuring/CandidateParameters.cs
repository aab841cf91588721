using System.Runtime.InteropServices;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Merging.Measuring;

/// <summary>
/// Parameters in memory that are written anew for each model that is tried, in the type in which an output would hold them. The memory goes
/// back when this is disposed of, and not when the collector finds time: a model's worth of it is too much to wait.
/// </summary>
internal sealed unsafe class CandidateParameters : IDisposable
{
    private const int CacheLine = 64;

    // From this size on it is worth a few hundredths of a second that nothing unused stays in memory beside it.
    private const long Large = 64 << 20;

    private readonly Dictionary<string, (TensorSpec Spec, nint Address)> _tensors = new(StringComparer.Ordinal);

    /// <summary>Makes room.</summary>
    /// <param name="tensors">Names, shapes, and element types; those that no engine computes with are held in fp32.</param>
    /// <param name="earlier">
    /// Parameters that are needed no more: those of the same names, shapes and types are taken over as they are, the others are freed.
    /// </param>
    public CandidateParameters(IEnumerable<TensorSpec> tensors, CandidateParameters? earlier = null)
    {
        List<TensorSpec> wanted = [
            .. tensors.Select(tensor => tensor.DType is DType.BF16 or DType.F16 ? tensor : tensor with { DType = DType.F32 })
        ];
        foreach (var tensor in wanted)
        {
            if (earlier?._tensors.TryGetValue(tensor.Name, out var known) == true && IsSame(known.Spec, tensor))
            {
                _tensors.Add(tensor.Name, known);
                earlier._tensors.Remove(tensor.Name);
            }
        }

        earlier?.Dispose();
        wanted.RemoveAll(tensor => _tensors.ContainsKey(tensor.Name));

        // The collector does not see this memory, and would let what runs before left behind lie beside it.
        if (wanted.Sum(tensor => tensor.ByteLength) >= Large)
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        foreach (var tensor in wanted)
            _tensors.Add(tensor.Name, (tensor, (nint)NativeMemory.AlignedAlloc((nuint)Math.Max(CacheLine, tensor.ByteLength), CacheLine)));
    }

    private static bool IsSame(TensorSpec one, TensorSpec other) => one.DType == other.DType && one.Shape.SequenceEqual(other.Shape);

    /// <summary>Sets elements, rounded to the tensor's type. Threads may write different elements at the same time.</summary>
    public void Write(string name, long start, ReadOnlySpan<float> values)
    {
        var (spec, address) = _tensors[name];
        var size = spec.DType.Size();
        ElementConversion.FromSingle(spec.DType, values, new Span<byte>((byte*)address + (start * size), values.Length * size));
    }

    /// <summary>Elements of a tensor that is held in fp32, where they lie.</summary>
    public ReadOnlySpan<float> Singles(string name, long start, int length) =>
        _tensors[name] is { Spec.DType: DType.F32, Address: var address }
            ? new ReadOnlySpan<float>((float*)address + start, length)
            : throw new InvalidOperationException($"'{name}' is not held in fp32.");

    /// <summary>
    /// The parameters as they are now, new to every engine that remembers those it has seen. A model that had the earlier ones must not run
    /// any more.
    /// </summary>
    public IReadOnlyDictionary<string, ParameterValue> Values() =>
        _tensors.ToDictionary(
            pair => pair.Key,
            pair => ParameterValue.At(pair.Value.Spec.DType, pair.Value.Spec.Shape, pair.Value.Address),
            StringComparer.Ordinal);

    /// <summary>The parameters that a model has, in the same shape: what else an output has is not run.</summary>
    public IReadOnlyDictionary<string, ParameterValue> ValuesIn(ITransformerModel model) => Values()
        .Where(pair => model.Parameters.TryGetValue(pair.Key, out var own) && own.Shape.SequenceEqual(pair.Value.Shape))
        .ToDictionary(pair => pair.Key, pair => pair.Value, StringComparer.Ordinal);

    public void Dispose()
    {
        foreach (var (_, address) in _tensors.Values)
            NativeMemory.AlignedFree((void*)address);
        _tensors.Clear();
    }
}
