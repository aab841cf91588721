using MergeTasks.Caching;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;

namespace MergeTasks.Merging.Inputs;

/// <summary>
/// A model with tied embeddings as an input of an output whose head is its own: the same numbers under the head's name too.
/// </summary>
/// <param name="model">The model; it stays its owner's to dispose.</param>
/// <param name="head">The head's name.</param>
/// <param name="embeddings">The tensor that it is tied to; the head's name where the model stores one that differs.</param>
internal sealed class SeparateHeadInput(ModelInput model, string head, string embeddings) : ModelInput
{
    private ModelConfig? _config;

    public override string Folder => model.Folder;

    public override IEnumerable<string> Folders => model.Folders;

    public override IEnumerable<string> Names => model.Names.Append(head).Distinct().Order(StringComparer.Ordinal);

    public override ModelConfig Config => _config ??= model.Config.WithSeparateHead();

    public override Checkpoint Weights => model.Weights;

    public override IEnumerable<string> Computed => model.Computed.Append(head).Distinct();

    public override string? TokenizerRefusal => model.TokenizerRefusal;

    public override IReadOnlyList<string> Notes => model.Notes;

    public override IReadOnlyList<(string Path, string Target)> ForeignFiles => model.ForeignFiles;

    public override TensorSpec? Find(string name) => model.Find(Stored(name)) is { } spec ? spec with { Name = name } : null;

    public override DType ContentType(string name) => model.ContentType(Stored(name));

    public override TensorContent Open(string name) => model.Open(Stored(name));

    public override ContentDigest Identity(string name, CancellationToken cancellation) => model.Identity(Stored(name), cancellation);

    public override IReadOnlyList<ModelLicence> Licences(string label) => model.Licences(label);

    public override IReadOnlyList<SideFile> SideFiles(CancellationToken cancellation) => model.SideFiles(cancellation);

    public override void Dispose()
    {
    }

    private string Stored(string name) => name == head ? embeddings : name;
}
