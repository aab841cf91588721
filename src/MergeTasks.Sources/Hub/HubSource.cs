using MergeTasks.Caching;
using MergeTasks.Checkpoints.Adapters;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Files;
using MergeTasks.Sources.Contract;
using MergeTasks.Sources.Locking;
using MergeTasks.Sources.References;

namespace MergeTasks.Sources.Hub;

/// <summary>Models of the Hub, in the cache that Hugging Face's own tools read and write.</summary>
internal sealed class HubSource(HubSettings settings, HubClient client, SourceContext context) : IModelSource
{
    private readonly RestoreOptions _options = context.Options;
    private readonly FileSha256 _hashes = context.Hashes;
    private readonly RestoreProgress _progress = context.Progress;

    private bool IsOffline => _options.Offline || settings.IsOffline;

    public void Dispose() => client.Dispose();

    public async Task<PendingModel> PrepareAsync(ModelReference reference, LockedModel? locked, CancellationToken cancellation)
    {
        var hub = (HubReference)reference;
        var cache = new HubCache(settings.CacheFolder, hub.Repository);
        return locked is null ? await PrepareAsync(hub, cache, cancellation) : await PrepareAsync(hub, cache, locked, cancellation);
    }

    private async Task<PendingModel> PrepareAsync(HubReference hub, HubCache cache, LockedModel locked, CancellationToken cancellation)
    {
        var commit = locked.Resolved;
        var missing = locked.Files.Keys.Where(name => cache.Find(commit, name) is null).ToList();
        if (missing.Count > 0 && IsOffline)
            throw Offline(hub, $"{string.Join(", ", missing)} of commit {commit}");
        var listing = missing.Count == 0 ? [] : await LockedListingAsync(hub, commit, cancellation);
        var files = missing.ConvertAll(name => listing.FirstOrDefault(file => file.Name == name)
            ?? throw new SourceException(
                SourceError.NotFound, $"'{hub.Repository}' has no file '{name}' at commit {commit}, which {LockFile.FileName} names."));
        foreach (var file in files)
        {
            var expected = locked.Files[file.Name];
            if (file.Size != expected.Size || (file.Sha256 is { } sha256 && sha256 != expected.Sha256))
            {
                throw new SourceException(SourceError.LockedFileChanged,
                    $"'{file.Name}' of '{hub.Key}' is not the locked one: {LockFile.FileName} has SHA-256 {expected.Sha256} "
                        + $"({expected.Size} bytes), the server has {file.Sha256 ?? "another file"} ({file.Size} bytes).");
            }
        }

        return new PendingModel(hub, Fetches(hub, cache, commit, files), async token =>
        {
            await LockedFiles.CheckAsync(hub.Key, locked, name => cache.Find(commit, name)!, _hashes, token);
            return new RestoredModel(hub.Key, cache.Snapshot(commit), locked);
        });
    }

    private async Task<PendingModel> PrepareAsync(HubReference hub, HubCache cache, CancellationToken cancellation)
    {
        var commit = hub.IsCommit ? hub.Revision : IsOffline ? cache.Ref(hub.Revision) : await client.CommitAsync(hub, cancellation);
        if (commit is null)
            throw Offline(hub, $"which commit '{hub.Revision}' is");
        if (IsOffline || (hub.IsCommit && !_options.Update))
        {
            if (Cached(hub, cache, commit) is { } cached)
                return new PendingModel(
                    hub,
                    [],
                    async token => new RestoredModel(hub.Key, cache.Snapshot(commit), await LockAsync(cache, commit, cached, [], token)));
            if (IsOffline)
                throw Offline(hub, $"a complete snapshot of commit {commit}");
        }

        var listing = await client.FilesAsync(hub.Repository, commit, cancellation);
        var names = listing.Select(file => file.Name).ToHashSet(StringComparer.Ordinal);
        var shards = names.Contains(WeightFiles.SingleFileName) || !names.Contains(ShardIndex.FileName)
            ? []
            : await ShardsAsync(hub, cache, commit, cancellation);
        var wanted = ModelFiles.Select(names, () => shards, $"'{hub.Repository}' at '{hub.Revision}'");
        var missing = listing.Where(file => wanted.Contains(file.Name) && cache.Find(commit, file.Name) is null).ToList();
        if (!hub.IsCommit)
            _progress.Note($"{hub.Key} is commit {commit}.");
        return new PendingModel(hub, Fetches(hub, cache, commit, missing), async token =>
        {
            var locked = await LockAsync(cache, commit, wanted, listing, token);
            if (!hub.IsCommit)
                cache.SetRef(hub.Revision, commit);
            return new RestoredModel(hub.Key, cache.Snapshot(commit), locked);
        });
    }

    // What another tool, or an earlier build, has fetched, if it can be merged as it is.
    private static IReadOnlyList<string>? Cached(HubReference hub, HubCache cache, string commit)
    {
        try
        {
            var names = cache.List(commit);
            return names.Contains(ModelConfig.FileName) || names.Contains(AdapterConfig.FileName)
                ? ModelFiles.Select(
                    names, () => [.. ShardIndex.Read(cache.Find(commit, ShardIndex.FileName)!).Values.Distinct()], hub.Key) : null;
        }
        catch (Exception e) when (e is SourceException or CheckpointException)
        {
            return null;
        }
    }

    private async Task<IReadOnlyList<HubFile>> LockedListingAsync(HubReference hub, string commit, CancellationToken cancellation)
    {
        try
        {
            return await client.FilesAsync(hub.Repository, commit, cancellation);
        }
        catch (SourceException e) when (e.Error == SourceError.NotFound)
        {
            throw new SourceException(
                SourceError.NotFound,
                $"{e.Message} {LockFile.FileName} pins '{hub.Key}' to that commit; -p:UpdateModels=true resolves it anew.",
                e);
        }
    }

    private async Task<IReadOnlyCollection<string>> ShardsAsync(
        HubReference hub, HubCache cache, string commit, CancellationToken cancellation)
    {
        var known = cache.Find(commit, ShardIndex.FileName);
        var bytes = known is null
            ? await client.SmallFileAsync(hub.Repository, commit, ShardIndex.FileName, cancellation)
            : InputFile.ReadAll(known);
        try
        {
            return [.. ShardIndex.Parse(bytes, $"{hub.Key}/{ShardIndex.FileName}").Values.Distinct()];
        }
        catch (CheckpointException e)
        {
            throw new SourceException(SourceError.Unsafe, e.Message, e);
        }
    }

    private List<PendingFile> Fetches(HubReference hub, HubCache cache, string commit, IEnumerable<HubFile> files) =>
        [.. files.Select(file => new PendingFile(cache.Folder, Left(cache, file),
            token =>
                new HubDownload(client, cache, _hashes, _progress)
                    .RunAsync(new HubRequest(settings.Endpoint, hub.Repository, commit, file.Name), file, token)))];

    private static long Left(HubCache cache, HubFile file) =>
        File.Exists(cache.Blob(file.Blob)) ? 0
        : new FileInfo(cache.Partial(file.Blob)) is { Exists: true } partial && partial.Length <= file.Size ? file.Size - partial.Length
            : file.Size;

    // The lock of files that are there, each compared with the hash that the listing, or its name in the cache, promises.
    private async Task<LockedModel> LockAsync(
        HubCache cache, string commit, IReadOnlyList<string> names, IReadOnlyList<HubFile> listing, CancellationToken cancellation)
    {
        foreach (var name in names)
        {
            var path = cache.Find(commit, name)!;
            var blob = listing.FirstOrDefault(file => file.Name == name)?.Blob ?? Path.GetFileName(path);
            var found = SafeName.IsSha256(blob) ? _hashes.Of(path, cancellation).ToString()
                : SafeName.IsCommit(blob) ? GitObject.NameOf(path)
                : blob;
            if (found != blob)
                throw new SourceException(
                    SourceError.Corrupt,
                    $"'{path}' in the cache is damaged: its hash is {found} and should be {blob}. Delete it and build again.");
        }

        return new LockedModel(
            HubScheme.Type, commit, await LockedFiles.HashAsync(names, name => cache.Find(commit, name)!, _hashes, cancellation));
    }

    private static SourceException Offline(HubReference hub, string what) =>
        new(
            SourceError.Offline,
            $"'{hub.Key}' is not complete on this machine, and the network may not be used (ModelsOffline, HF_HUB_OFFLINE); "
                + $"missing: {what}.");
}
