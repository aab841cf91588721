using MergeTasks.Caching;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;

namespace MergeTasks.Merging.Inputs;

/// <summary>A tensor that is put together of others, or computed.</summary>
/// <param name="DType">Its type where the output says nothing else.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="ContentType">The type in which its elements are exact.</param>
/// <param name="Open">Opens its elements.</param>
/// <param name="Identity">What identifies them.</param>
internal sealed record AssembledTensor(
    DType DType,
    IReadOnlyList<long> Shape,
    DType ContentType,
    Func<TensorContent> Open,
    Func<CancellationToken, ContentDigest> Identity)
{
    /// <summary>A tensor as a model has it.</summary>
    public static AssembledTensor Of(ModelInput model, string name)
    {
        var spec = model.Find(name)!;
        return new(
            spec.DType, spec.Shape, model.ContentType(name), () => model.Open(name), cancellation => model.Identity(name, cancellation));
    }

    /// <summary>Tensors one after the other, as one of another shape.</summary>
    public static AssembledTensor Stack(IReadOnlyList<long> shape, IReadOnlyList<AssembledTensor> parts) => new(
        parts.Select(part => part.DType).Aggregate(DTypes.Promote),
        shape,
        DType.F32,
        () => new SegmentedTensor([.. parts.Select(part => (part.Open(), 0L, part.Shape.ElementCount()))]),
        cancellation => Combined("stack 1", parts.Select(part => part.Identity(cancellation))));

    /// <summary>The tensor with every element multiplied by a factor.</summary>
    public AssembledTensor Scaled(double factor) => this with
    {
        ContentType = DType.F32,
        Open = () => new ScaledTensor(Open(), (float)factor),
        Identity = cancellation => Combined($"scaled {factor:R}", [Identity(cancellation)]),
    };

    /// <summary>The tensor with normally distributed numbers added.</summary>
    /// <param name="seed">Their seed.</param>
    /// <param name="name">What else they depend on.</param>
    /// <param name="deviation">Their standard deviation.</param>
    public AssembledTensor WithNoise(long seed, string name, double deviation) => this with
    {
        ContentType = DType.F32,
        Open = () => new NoisyTensor(Open(), new DrawnNumbers(seed, name), deviation),
        Identity = cancellation => Combined(
            string.Create(System.Globalization.CultureInfo.InvariantCulture, $"noise 1\n{seed}\n{name}\n{deviation:R}"),
            [Identity(cancellation)]),
    };

    /// <summary>What identifies something that is made of other things; nothing where these are not identified.</summary>
    internal static ContentDigest Combined(string what, IEnumerable<ContentDigest> parts)
    {
        var all = parts.ToList();
        return all.Exists(part => part.Equals(default)) ? default : ContentDigest.Of($"{what}\n{string.Join('\n', all)}\n");
    }
}

/// <summary>A model that is put together: a donor's tensors and files but for those that are given instead.</summary>
/// <param name="donor">The donor; it stays its owner's to dispose.</param>
/// <param name="config">The configuration.</param>
/// <param name="removed">Whether a tensor of the donor is left out.</param>
/// <param name="tensors">The tensors that it has besides, by name.</param>
/// <param name="files">The files beside the weights; <see langword="null"/>: the donor's.</param>
internal sealed class AssembledInput(
    ModelInput donor,
    ModelConfig config,
    Func<string, bool> removed,
    IReadOnlyDictionary<string, AssembledTensor> tensors,
    IReadOnlyList<SideFile>? files = null)
    : ModelInput
{
    public override string Folder => donor.Folder;

    public override IEnumerable<string> Folders => donor.Folders;

    public override IEnumerable<string> Names =>
        donor.Names.Where(name => !removed(name)).Union(tensors.Keys).Order(StringComparer.Ordinal);

    public override ModelConfig Config => config;

    public override Checkpoint Weights => donor.Weights;

    public override IEnumerable<string> Computed => donor.Computed.Where(name => !removed(name)).Union(tensors.Keys);

    public override IReadOnlyList<string> Notes => donor.Notes;

    public override IReadOnlyList<(string Path, string Target)> ForeignFiles => donor.ForeignFiles;

    public override TensorSpec? Find(string name) =>
        tensors.TryGetValue(name, out var tensor) ? new TensorSpec(name, tensor.DType, tensor.Shape)
        : removed(name) ? null
        : donor.Find(name);

    public override DType ContentType(string name) =>
        tensors.TryGetValue(name, out var tensor) ? tensor.ContentType : donor.ContentType(name);

    public override TensorContent Open(string name) => tensors.TryGetValue(name, out var tensor) ? tensor.Open() : donor.Open(name);

    public override ContentDigest Identity(string name, CancellationToken cancellation) =>
        tensors.TryGetValue(name, out var tensor) ? tensor.Identity(cancellation) : donor.Identity(name, cancellation);

    public override IReadOnlyList<ModelLicence> Licences(string label) => donor.Licences(label);

    public override IReadOnlyList<SideFile> SideFiles(CancellationToken cancellation) => files ?? donor.SideFiles(cancellation);

    public override void Dispose()
    {
    }
}
