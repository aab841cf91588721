using System.Runtime.InteropServices;
using MergeTasks.Caching;
using MergeTasks.Checkpoints.Adapters;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;

namespace MergeTasks.Merging.Inputs;

/// <summary>An adapter's own tensors, without a model.</summary>
internal sealed class AdapterInput : ModelInput
{
    private readonly Dictionary<string, TensorInfo> _tensors;
    private readonly Func<string, CancellationToken, ContentDigest> _identity;
    private readonly Lock _lock = new();
    private FileDigests? _digests;
    private (TensorInfo? Tensor, float[] Values) _last = (null, []);

    /// <summary>An adapter on disk.</summary>
    /// <param name="adapter">The adapter; disposed with this.</param>
    /// <param name="hasher">Digests files; <see langword="null"/> where identities do not matter.</param>
    public AdapterInput(LoraAdapter adapter, FileHasher? hasher)
    {
        (Adapter, _tensors) = (adapter, ByName(adapter));
        _identity = (name, cancellation) => hasher is null
            ? default
            : (_digests ??= WeightParts.DigestsOf(adapter.File, hasher, cancellation)).Parts[name];
    }

    /// <summary>Another merge's adapter.</summary>
    /// <param name="adapter">The adapter as planned; disposed with this.</param>
    /// <param name="identity">The keys of its tensors.</param>
    public AdapterInput(LoraAdapter adapter, Func<string, CancellationToken, ContentDigest> identity) =>
        (Adapter, _tensors, _identity) = (adapter, ByName(adapter), identity);

    /// <summary>The adapter.</summary>
    public LoraAdapter Adapter { get; }

    public override string Folder => Adapter.Folder;

    public override IEnumerable<string> Names => _tensors.Keys.Order(StringComparer.Ordinal);

    public override ModelConfig Config => ModelConfig.None;

    public override Checkpoint Weights => throw new NotSupportedException("An adapter has no weights of its own.");

    public override TensorSpec? Find(string name) =>
        _tensors.TryGetValue(name, out var tensor) ? new TensorSpec(tensor.Name, tensor.DType, tensor.Shape) : null;

    public override TensorContent Open(string name) => new StoredTensor(Adapter.File, Adapter.Stored(_tensors[name]));

    public override ContentDigest Identity(string name, CancellationToken cancellation) => _identity(name, cancellation);

    /// <summary>All elements of a tensor.</summary>
    public float[] Read(TensorInfo tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        return Read(tensor, 0, tensor.ElementCount);
    }

    /// <summary>Elements of a tensor from a place on.</summary>
    /// <param name="tensor">The tensor.</param>
    /// <param name="first">The first element.</param>
    /// <param name="count">Number of elements.</param>
    public float[] Read(TensorInfo tensor, long first, long count)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        var stored = Adapter.Stored(tensor);
        var values = new float[checked((int)count)];
        var offset = stored.Offset + (first * stored.DType.Size());
        if (stored.DType == DType.F32)
        {
            Adapter.File.Read(offset, MemoryMarshal.AsBytes(values.AsSpan()));
            return values;
        }

        var bytes = new byte[checked((int)(count * stored.DType.Size()))];
        Adapter.File.Read(offset, bytes);
        ElementConversion.ToSingle(stored.DType, bytes, values);
        return values;
    }

    /// <summary>
    /// All elements of a tensor that several others are computed from, one after the other: the last such tensor stays in memory.
    /// </summary>
    public float[] ReadShared(TensorInfo tensor)
    {
        lock (_lock)
        {
            if (_last.Tensor != tensor)
                _last = (tensor, Read(tensor));
            return _last.Values;
        }
    }

    public override IReadOnlyList<SideFile> SideFiles(CancellationToken cancellation) => [];

    public override void Dispose() => Adapter.Dispose();

    private static Dictionary<string, TensorInfo> ByName(LoraAdapter adapter) =>
        adapter.Tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
}
