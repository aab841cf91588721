using MergeTasks.Caching;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Merging.Inputs;

namespace MergeTasks.Merging.Planning.Layout;

/// <summary>
/// An output of several parts as a model that can be run before it is made: its configuration and its tensors, each as its donor has it,
/// until what is merged takes their place.
/// </summary>
/// <param name="layout">The output's layout.</param>
/// <param name="donor">The model whose other files it gets.</param>
internal sealed class LayoutInput(OutputLayout layout, ModelInput donor) : ModelInput
{
    private readonly Dictionary<string, LayoutTensor> _tensors = layout.Tensors.ToDictionary(
        tensor => tensor.Name, StringComparer.Ordinal);

    public override string Folder => donor.Folder;

    public override IEnumerable<string> Names => _tensors.Keys.Order(StringComparer.Ordinal);

    public override ModelConfig Config => layout.Config;

    public override Checkpoint Weights => donor.Weights;

    public override (ModelInput Model, string Tensor) Origin(string name) =>
        _tensors[name].Donor.Model.Origin(_tensors[name].Donor.Tensor);

    public override TensorSpec? Find(string name) => _tensors.GetValueOrDefault(name)?.Stored;

    public override TensorContent Open(string name) => _tensors[name].Donor.Open();

    public override ContentDigest Identity(string name, CancellationToken cancellation) => _tensors[name].Donor.Identity(cancellation);

    public override IReadOnlyList<SideFile> SideFiles(CancellationToken cancellation) => donor.SideFiles(cancellation);

    public override void Dispose()
    {
    }
}
