using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Merging.Measuring;

/// <summary>Parameters in memory that are written anew for each model that is tried, in the type in which an output would hold them.</summary>
internal sealed class CandidateParameters
{
    private readonly Dictionary<string, (TensorSpec Spec, byte[] Elements)> _tensors;

    /// <summary>Makes room.</summary>
    /// <param name="tensors">Names, shapes, and element types; those that no engine computes with are held in fp32.</param>
    public CandidateParameters(IEnumerable<TensorSpec> tensors) => _tensors = tensors
        .Select(tensor => tensor.DType is DType.BF16 or DType.F16 ? tensor : tensor with { DType = DType.F32 })
        .ToDictionary(tensor => tensor.Name, tensor => (tensor, GC.AllocateUninitializedArray<byte>(checked((int)tensor.ByteLength), pinned: true)), StringComparer.Ordinal);

    /// <summary>Sets elements, rounded to the tensor's type. Threads may write different elements at the same time.</summary>
    public void Write(string name, long start, ReadOnlySpan<float> values)
    {
        var (spec, elements) = _tensors[name];
        var size = spec.DType.Size();
        ElementConversion.FromSingle(spec.DType, values, elements.AsSpan(checked((int)(start * size)), values.Length * size));
    }

    /// <summary>The parameters as they are now, new to every engine that remembers those it has seen. A model that had the earlier ones must not run any more.</summary>
    public IReadOnlyDictionary<string, ParameterValue> Values() =>
        _tensors.ToDictionary(pair => pair.Key, pair => ParameterValue.OverPinned(pair.Value.Spec.DType, pair.Value.Spec.Shape, pair.Value.Elements), StringComparer.Ordinal);

    /// <summary>The parameters that a model has, in the same shape: what else an output has is not run.</summary>
    public IReadOnlyDictionary<string, ParameterValue> ValuesIn(ITransformerModel model) => Values()
        .Where(pair => model.Parameters.TryGetValue(pair.Key, out var own) && own.Shape.SequenceEqual(pair.Value.Shape))
        .ToDictionary(pair => pair.Key, pair => pair.Value, StringComparer.Ordinal);
}
