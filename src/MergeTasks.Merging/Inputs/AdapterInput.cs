using System.Runtime.InteropServices;
using MergeTasks.Caching;
using MergeTasks.Checkpoints.Adapters;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;

namespace MergeTasks.Merging.Inputs;

/// <summary>An adapter as an input of a merge that makes an adapter: its own tensors, without a model.</summary>
/// <param name="adapter">The adapter; disposed with this.</param>
/// <param name="hasher">Digests files; <see langword="null"/> where identities do not matter.</param>
internal sealed class AdapterInput(LoraAdapter adapter, FileHasher? hasher) : ModelInput
{
    private readonly Dictionary<string, TensorInfo> _tensors = adapter.File.Header.Tensors.ToDictionary(
        tensor => tensor.Name, StringComparer.Ordinal);
    private FileDigests? _digests;

    /// <summary>The adapter.</summary>
    public LoraAdapter Adapter => adapter;

    public override string Folder => adapter.Folder;

    public override IEnumerable<string> Names => _tensors.Keys.Order(StringComparer.Ordinal);

    public override ModelConfig Config => ModelConfig.None;

    public override Checkpoint Weights => throw new NotSupportedException("An adapter has no weights of its own.");

    public override TensorSpec? Find(string name) =>
        _tensors.TryGetValue(name, out var tensor) ? new TensorSpec(tensor.Name, tensor.DType, tensor.Shape) : null;

    public override TensorContent Open(string name) => new StoredTensor(adapter.File, _tensors[name]);

    public override ContentDigest Identity(string name, CancellationToken cancellation)
    {
        if (hasher is null)
            return default;
        _digests ??= WeightParts.DigestsOf(adapter.File, hasher, cancellation);
        return _digests.Parts[name];
    }

    /// <summary>All elements of a tensor.</summary>
    public float[] Read(TensorInfo tensor)
    {
        var bytes = new byte[checked((int)tensor.ByteLength)];
        adapter.File.Read(tensor.Offset, bytes);
        var values = new float[checked((int)tensor.ElementCount)];
        if (tensor.DType == DType.F32)
            MemoryMarshal.Cast<byte, float>(bytes).CopyTo(values);
        else
            ElementConversion.ToSingle(tensor.DType, bytes, values);
        return values;
    }

    public override IReadOnlyList<SideFile> SideFiles(CancellationToken cancellation) => [];

    public override void Dispose() => adapter.Dispose();
}
