using MergeTasks.Caching;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;

namespace MergeTasks.Merging.Inputs;

/// <summary>A model as an input of an output with another vocabulary: its embeddings and heads have that vocabulary's rows.</summary>
/// <param name="model">The model; it stays its owner's to dispose.</param>
/// <param name="rows">Rows of its embeddings.</param>
/// <param name="map">How they become the output's.</param>
/// <param name="all">All models of the merge as they are, by place.</param>
/// <param name="files">The files that an output made from this model gets.</param>
internal sealed class RemappedInput(ModelInput model, long rows, RowMap map, IReadOnlyList<ModelInput> all, IReadOnlyList<SideFile>? files)
    : ModelInput
{
    private readonly bool _isIdentity = map.IsIdentity(rows);
    private readonly Dictionary<int, TensorIndex> _indices = map.OtherModels.ToDictionary(
        other => other, other => new TensorIndex(all[other]));
    private ModelConfig? _config;

    /// <summary>Whether everything is as it was.</summary>
    public bool IsIdentity => _isIdentity;

    public override string Folder => model.Folder;

    public override IEnumerable<string> Folders => model.Folders;

    public override IEnumerable<string> Names => model.Names;

    /// <summary>The output's id of one of the model's; <see langword="null"/>: its ids stay.</summary>
    public Func<int, int?>? TokenIds { get; init; }

    public override ModelConfig Config => _config ??= Adjusted();

    public override Checkpoint Weights => model.Weights;

    public override IEnumerable<string> Computed => model.Computed.Concat(_isIdentity ? [] : Names.Where(IsMapped)).Distinct();

    public override Func<long, bool>? OwnRows(string name) => IsMapped(name) ? row => map.Own[row] >= 0 : null;

    public override TensorSpec? Find(string name) =>
        model.Find(name) is not { } own ? null : IsMapped(name) ? own with { Shape = [map.Own.Length, .. own.Shape.Skip(1)] } : own;

    public override DType ContentType(string name) => IsMapped(name) ? DType.F32 : model.ContentType(name);

    public override TensorContent Open(string name)
    {
        if (!IsMapped(name))
            return model.Open(name);
        var columns = model.Find(name)!.Shape.Skip(1).Aggregate(1L, (product, dimension) => product * dimension);
        return new RowMappedTensor(
            model.Open(name), map.OtherModels.ToDictionary(other => other, other => all[other].Open(SourceIn(other, name))), map, columns);
    }

    public override ContentDigest Identity(string name, CancellationToken cancellation) => !IsMapped(name)
        ? model.Identity(name, cancellation)
        : ContentDigest.Of(
            $"{model.Identity(name, cancellation)}\n{map.Digest}\n{string.Concat(map.OtherModels.Select(other => $"{other} {all[other].Identity(SourceIn(other, name), cancellation)}\n"))}");

    public override IReadOnlyList<SideFile> SideFiles(CancellationToken cancellation) => files ?? model.SideFiles(cancellation);

    public override IReadOnlyList<(string Path, string Target)> ForeignFiles => model.ForeignFiles;

    public override IReadOnlyList<string> Notes => model.Notes;

    public override void Dispose()
    {
    }

    private ModelConfig Adjusted()
    {
        var config = map.Own.Length == rows ? model.Config : model.Config.WithVocabularySize(map.Own.Length);
        return TokenIds is null ? config : config.WithTokenIds(TokenIds);
    }

    private bool IsMapped(string name) => !_isIdentity && VocabularyTensors.Is(model, name, rows);

    private string SourceIn(int other, string name) =>
        _indices[other].Find(name) ?? throw new InvalidOperationException($"'{all[other].Folder}' has no '{name}'.");
}
