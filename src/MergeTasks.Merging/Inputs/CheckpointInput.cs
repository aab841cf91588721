using MergeTasks.Caching;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Sources.Locking;

namespace MergeTasks.Merging.Inputs;

/// <summary>A checkpoint on disk as an input.</summary>
/// <param name="checkpoint">Its weights, open.</param>
/// <param name="hasher">Digests files; <see langword="null"/> where identities do not matter.</param>
internal sealed class CheckpointInput(Checkpoint checkpoint, FileHasher? hasher) : ModelInput
{
    private static readonly string[] WrittenAnew = [MergedFiles.Manifest, MergedFiles.Provenance, MergedFiles.Owner];

    private readonly Dictionary<string, FileDigests> _digests = [];
    private ModelConfig? _config;

    /// <summary>
    /// What the folder holds by the lock file; other files there are none of the model's. <see langword="null"/>: all count.
    /// </summary>
    public LockedModel? Locked { get; init; }

    public override string Folder => checkpoint.Folder;

    public override IEnumerable<string> Names => checkpoint.Names;

    public override ModelConfig Config => _config ??= ModelConfig.Read(Folder);

    public override Checkpoint Weights => checkpoint;

    public override bool IsStored => true;

    public override TensorSpec? Find(string name) =>
        checkpoint.Find(name) is { } info ? new TensorSpec(info.Name, info.DType, info.Shape) : null;

    public override ContentDigest Identity(string name, CancellationToken cancellation)
    {
        if (hasher is null)
            return default;
        var file = checkpoint.FileOf(name);
        if (!_digests.TryGetValue(file.Path, out var digests))
            _digests[file.Path] = digests = WeightParts.DigestsOf(file, hasher, cancellation);
        return digests.Parts[name];
    }

    public override IReadOnlyList<SideFile> SideFiles(CancellationToken cancellation) =>
        [.. Checkpoints.Configuration.SideFiles.List(Folder, WrittenAnew).Where(IsModels).Select(name =>
        {
            var path = Path.Combine(Folder, name);
            return new SideFile(name, hasher?.DigestWhole(path, cancellation) ?? default, path, null);
        })];

    public override IReadOnlyList<(string Path, string Target)> ForeignFiles =>
        [
            .. Checkpoints.Configuration.SideFiles
                .Foreign(Folder, WrittenAnew)
                .Where(file => IsModels(file.Name))
                .Select(file => (Path.Combine(Folder, file.Name), file.Target))
        ];

    public override void Dispose() => checkpoint.Dispose();

    private bool IsModels(string name) => Locked?.Files.ContainsKey(name) != false;
}
