using MergeTasks.Caching;
using MergeTasks.Checkpoints.Adapters;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Planning.Tensors;

namespace MergeTasks.Merging.Planning;

/// <summary>Another merge's output as an input: known from its plan, whether or not it has been made yet.</summary>
/// <param name="plan">The other merge's plan.</param>
/// <param name="identified">Hears of the files that are opened; <see langword="null"/> where that does not matter.</param>
internal sealed class PlannedInput(MergePlan plan, IdentifiedFiles? identified = null) : ModelInput
{
    private readonly Dictionary<string, TensorPlan> _tensors = plan.Tensors.ToDictionary(
        tensor => tensor.Output.Name, StringComparer.Ordinal);
    private Checkpoint? _weights;
    private AdapterInput? _adapter;

    /// <summary>Whether it is an adapter, which no merge can take for a model.</summary>
    public bool IsAdapter => plan.AdapterConfig is not null;

    /// <summary>It as an adapter; stays this input's to dispose.</summary>
    /// <exception cref="Checkpoints.Elements.CheckpointException">It cannot be put on a model.</exception>
    public AdapterInput AsAdapter() => _adapter ??= new AdapterInput(
        LoraAdapter.Planned(
            Folder,
            plan.AdapterConfig!,
            [.. plan.Tensors.Select(tensor => new TensorInfo(tensor.Output.Name, tensor.Output.DType, tensor.Output.Shape, 0))],
            OpenAdapter),
        Identity);

    public override string Folder => plan.Declaration.OutputFolder;

    public override bool IsStored => true;

    public override Checkpoint Weights => _weights ??= Open();

    public override IEnumerable<string> Names => plan.Tensors.Select(tensor => tensor.Output.Name);

    public override ModelConfig Config => plan.Config;

    public override bool HasConfig => plan.HasConfig;

    public override TensorSpec? Find(string name) => _tensors.GetValueOrDefault(name)?.Output;

    public override ContentDigest Identity(string name, CancellationToken cancellation) => _tensors[name].Key;

    public override IReadOnlyList<ModelLicence> Licences(string label) =>
        [.. plan.Licences.Select(licence => licence with { Model = label }).Distinct()];

    public override IReadOnlyList<SideFile> SideFiles(CancellationToken cancellation) => plan.DonorFiles;

    public override void Dispose()
    {
        _weights?.Dispose();
        _adapter?.Dispose();
    }

    private SafetensorsFile OpenAdapter()
    {
        var file = SafetensorsFile.Open(Path.Combine(Folder, LoraAdapter.WeightsFileName));
        identified?.Add(file.Path, FileStamp.Of(file.Status));
        return file;
    }

    // The files must be those that were compared with the plan.
    private Checkpoint Open()
    {
        var weights = Checkpoint.Open(Folder);
        try
        {
            foreach (var file in weights.Files)
                identified?.Add(file.Path, FileStamp.Of(file.Status));
            return weights;
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }
}
