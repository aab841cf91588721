using System.Globalization;
using MergeTasks.Caching;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;

namespace MergeTasks.Merging.Inputs;

/// <summary>A stretch of a stored tensor.</summary>
/// <param name="Tensor">The tensor.</param>
/// <param name="First">Its first element.</param>
/// <param name="Count">Number of elements.</param>
internal readonly record struct TensorSegment(string Tensor, long First, long Count);

/// <summary>A tensor that a model has under another name or in another form.</summary>
/// <param name="Shape">Its shape.</param>
/// <param name="Segments">The stretches that it consists of.</param>
internal sealed record RepackedTensor(IReadOnlyList<long> Shape, IReadOnlyList<TensorSegment> Segments);

/// <summary>A model with some tensors put together or taken apart, as another model has them.</summary>
/// <param name="model">The model; it stays its owner's to dispose.</param>
/// <param name="tensors">What takes the place of the tensors whose stretches these are.</param>
internal sealed class RepackedInput(ModelInput model, IReadOnlyDictionary<string, RepackedTensor> tensors) : ModelInput
{
    private readonly HashSet<string> _replaced =
        [.. tensors.Values.SelectMany(tensor => tensor.Segments).Select(segment => segment.Tensor)];

    public override string Folder => model.Folder;

    public override IEnumerable<string> Folders => model.Folders;

    public override IEnumerable<string> Names =>
        model.Names.Where(name => !_replaced.Contains(name)).Union(tensors.Keys).Order(StringComparer.Ordinal);

    public override ModelConfig Config => model.Config;

    public override Checkpoint Weights => model.Weights;

    public override IEnumerable<string> Computed => model.Computed.Where(name => !_replaced.Contains(name)).Union(tensors.Keys);

    public override string? TokenizerRefusal => model.TokenizerRefusal;

    public override IReadOnlyList<string> Notes => model.Notes;

    public override IReadOnlyList<(string Path, string Target)> ForeignFiles => model.ForeignFiles;

    public override TensorSpec? Find(string name) =>
        tensors.TryGetValue(name, out var tensor) ? model.Find(tensor.Segments[0].Tensor)! with { Name = name, Shape = tensor.Shape }
        : _replaced.Contains(name) ? null
        : model.Find(name);

    public override DType ContentType(string name) => tensors.ContainsKey(name) ? DType.F32 : model.ContentType(name);

    public override TensorContent Open(string name)
    {
        if (!tensors.TryGetValue(name, out var tensor))
            return model.Open(name);
        var contents = tensor.Segments.Select(segment => segment.Tensor).Distinct().ToDictionary(part => part, model.Open);
        return new SegmentedTensor([.. tensor.Segments.Select(segment => (contents[segment.Tensor], segment.First, segment.Count))]);
    }

    public override ContentDigest Identity(string name, CancellationToken cancellation)
    {
        if (!tensors.TryGetValue(name, out var tensor))
            return model.Identity(name, cancellation);
        var parts = tensor.Segments
            .Select(segment => (segment, Digest: model.Identity(segment.Tensor, cancellation)))
            .ToList();
        return parts.Exists(part => part.Digest.Equals(default))
            ? default
            : ContentDigest.Of("repacked 1\n" + string.Concat(parts.Select(part =>
                string.Create(CultureInfo.InvariantCulture, $"{part.Digest} {part.segment.First} {part.segment.Count}\n"))));
    }

    public override IReadOnlyList<ModelLicence> Licences(string label) => model.Licences(label);

    public override IReadOnlyList<SideFile> SideFiles(CancellationToken cancellation) => model.SideFiles(cancellation);

    public override void Dispose()
    {
    }
}
