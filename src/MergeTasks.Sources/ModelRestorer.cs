using MergeTasks.Caching;
using MergeTasks.Files;
using MergeTasks.Sources.Contract;
using MergeTasks.Sources.Locking;
using MergeTasks.Sources.References;

namespace MergeTasks.Sources;

/// <summary>
/// Brings models to this machine and makes sure that they are what the lock file says: finds out what each reference means, checks the
/// disk, fetches what is missing, compares every file with its hash, and writes the lock file. What is there already costs no network, and
/// what was hashed before no reading.
/// </summary>
/// <param name="options">How.</param>
/// <param name="progress">Hears of progress.</param>
internal sealed class ModelRestorer(RestoreOptions options, RestoreProgress progress)
{
    // What a disk gives out at a time, for each file and what names it.
    private const long Block = 4096;

    /// <summary>Restores.</summary>
    /// <param name="references">All references of the project; paths are passed over.</param>
    /// <param name="cancellation">Ends the work; what has come is kept for the next time.</param>
    /// <returns>Each reference's <see cref="ModelReference.Key"/> with its model.</returns>
    /// <exception cref="RestoreException">With everything that is wrong.</exception>
    public async Task<IReadOnlyDictionary<string, RestoredModel>> RestoreAsync(
        IReadOnlyList<ModelReference> references, CancellationToken cancellation)
    {
        try
        {
            return await RestoreAllAsync(
                [.. references.Where(reference => reference is not PathReference).DistinctBy(reference => reference.Key)], cancellation);
        }
        catch (SourceException e)
        {
            throw new RestoreException([new SourceFault(null, e)]);
        }
    }

    private async Task<IReadOnlyDictionary<string, RestoredModel>> RestoreAllAsync(
        List<ModelReference> references, CancellationToken cancellation)
    {
        var isLocked = File.Exists(options.LockPath);
        if (references.Count == 0 && !isLocked)
            return new Dictionary<string, RestoredModel>();
        CheckModes();
        var locked = options.Update ? new Dictionary<string, LockedModel>() : SourceSchemes.ReadLock(options.LockPath);
        if (options.LockedMode)
            RequireLocked(references, locked);
        var hashes = new FileSha256(new DigestMemo(options.CacheFolder) { Unwritable = options.CacheUnwritable });
        var context = new SourceContext(options, hashes, progress);
        var sources = references.Select(reference => SourceSchemes.Find(reference.Key)!)
            .Distinct()
            .ToDictionary(scheme => scheme, scheme => scheme.Open(context));
        List<RestoredModel> restored;
        try
        {
            var pending = await EachAsync(
                references,
                reference => reference.Key,
                reference =>
                    sources[SourceSchemes.Find(reference.Key)!].PrepareAsync(
                        reference, locked.GetValueOrDefault(reference.Key), cancellation),
                cancellation);
            await FetchAsync(pending, cancellation);
            restored = await EachAsync(pending, model => model.Reference.Key, model => model.CompleteAsync(cancellation), cancellation);
        }
        finally
        {
            foreach (var source in sources.Values)
                source.Dispose();
        }

        if (!options.LockedMode)
            LockFile.Write(options.LockPath, restored.ToDictionary(model => model.Key, model => model.Locked));
        return restored.ToDictionary(model => model.Key);
    }

    private void CheckModes()
    {
        if (options.Update && options.LockedMode)
            throw new SourceException(
                SourceError.LockDiffers, $"UpdateModels renews {LockFile.FileName}, which ModelsLockedMode forbids. Set one of them.");
        if (options.Update && options.Offline)
            throw new SourceException(
                SourceError.Offline,
                "UpdateModels asks the servers what each reference means, which ModelsOffline forbids. Set one of them.");
    }

    private void RequireLocked(List<ModelReference> references, IReadOnlyDictionary<string, LockedModel> locked)
    {
        var wanted = references.Select(reference => reference.Key).ToList();
        var faults = wanted.Where(key => !locked.ContainsKey(key)).Select(key => Differs(key, $"does not hold '{key}'"))
            .Concat(
                locked.Keys
                    .Where(key => !wanted.Contains(key))
                    .Select(key => Differs(null, $"holds '{key}', which the project does not use"))).ToList();
        if (faults.Count > 0)
            throw new RestoreException(faults);

        SourceFault Differs(string? key, string how) =>
            new(key, new SourceException(
                SourceError.LockDiffers,
                $"'{options.LockPath}' {how}, and may not be changed (ModelsLockedMode). Build without ModelsLockedMode and commit the "
                    + "lock file.")
            {
                File = options.LockPath,
            });
    }

    // All of them, so that a user who is offline, or has no token, learns at once of everything that is missing.
    private static async Task<List<TResult>> EachAsync<T, TResult>(
        IReadOnlyList<T> items, Func<T, string> key, Func<T, Task<TResult>> action, CancellationToken cancellation)
    {
        var results = new List<TResult>();
        var faults = new List<SourceFault>();
        foreach (var item in items)
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                results.Add(await action(item));
            }
            catch (SourceException e)
            {
                faults.Add(new SourceFault(key(item), e));
                if (e.Error is SourceError.Unavailable or SourceError.RateLimited)
                    break;
            }
            catch (Exception e) when (FileFault.Covers(e))
            {
                cancellation.ThrowIfCancellationRequested();
                faults.Add(new SourceFault(key(item), Unwritable(e)));
            }
        }

        return faults.Count == 0 ? results : throw new RestoreException(faults);
    }

    private async Task FetchAsync(IReadOnlyList<PendingModel> models, CancellationToken cancellation)
    {
        var files = models.SelectMany(model => model.Files.Select(file => (Model: model, File: file))).ToList();
        if (files.Count == 0)
            return;
        RequireSpace(models);
        progress.Starting(files.Count, files.Sum(file => file.File.Bytes));
        SourceFault? first = null;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = options.Parallelism, CancellationToken = stop.Token };
        try
        {
            // The largest first, so that the end is not one file alone.
            await Parallel.ForEachAsync(files.OrderByDescending(file => file.File.Bytes), parallel, async (file, token) =>
            {
                try
                {
                    await file.File.FetchAsync(token);
                }
                catch (Exception e) when (!stop.IsCancellationRequested && (e is SourceException || FileFault.Covers(e)))
                {
                    Interlocked.CompareExchange(
                        ref first, new SourceFault(file.Model.Reference.Key, e as SourceException ?? Unwritable(e)), null);
                    await stop.CancelAsync();
                }
            });
        }
        catch (Exception) when (first is not null || cancellation.IsCancellationRequested)
        {
            cancellation.ThrowIfCancellationRequested();
        }

        if (first is not null)
            throw new RestoreException([first]);
    }

    private void RequireSpace(IReadOnlyList<PendingModel> models)
    {
        foreach (var volume in models.SelectMany(model => model.Files).GroupBy(file => Path.GetDirectoryName(file.Folder)!))
        {
            var needed = volume.Sum(file => file.Bytes + (2 * Block)) + Block;
            if (options.FreeSpace(volume.Key) is { } free && free < needed)
                throw new SourceException(
                    SourceError.DiskSpace,
                    $"Fetching the models takes {needed:N0} bytes in '{volume.Key}', but the disk has {free:N0} left.");
        }
    }

    private static SourceException Unwritable(Exception e) =>
        new(SourceError.Unwritable, $"A model's files cannot be read or written: {FileFault.Describe(e)}", e);
}
