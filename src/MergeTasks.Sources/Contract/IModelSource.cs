using MergeTasks.Sources.Locking;
using MergeTasks.Sources.References;

namespace MergeTasks.Sources.Contract;

/// <summary>One kind of place that models come from.</summary>
internal interface IModelSource : IDisposable
{
    /// <summary>Finds out what a reference means and what has to be fetched for it; fetches nothing but lists.</summary>
    /// <param name="reference">The reference.</param>
    /// <param name="locked">What the lock file says it means; <see langword="null"/> to resolve it.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="SourceException">It cannot be had.</exception>
    Task<PendingModel> PrepareAsync(ModelReference reference, LockedModel? locked, CancellationToken cancellation);
}

/// <summary>A model on its way to this machine.</summary>
/// <param name="reference">What was asked for.</param>
/// <param name="files">What has to be fetched, in any order and at the same time; empty where all is there.</param>
/// <param name="complete">Checks what is there, once everything has been fetched.</param>
internal sealed class PendingModel(
    ModelReference reference, IReadOnlyList<PendingFile> files, Func<CancellationToken, Task<RestoredModel>> complete)
{
    public ModelReference Reference => reference;

    public IReadOnlyList<PendingFile> Files => files;

    public Task<RestoredModel> CompleteAsync(CancellationToken cancellation) => complete(cancellation);
}

/// <summary>A file to fetch.</summary>
/// <param name="Folder">Where it will lie.</param>
/// <param name="Bytes">What is still to come; 0 where nobody tells beforehand.</param>
/// <param name="FetchAsync">Fetches it.</param>
internal sealed record PendingFile(string Folder, long Bytes, Func<CancellationToken, Task> FetchAsync);

/// <summary>A model on this machine, checked.</summary>
/// <param name="Key">The reference's <see cref="ModelReference.Key"/>.</param>
/// <param name="Folder">Full path of the model folder; nothing but its locked files counts.</param>
/// <param name="Locked">What it is.</param>
internal sealed record RestoredModel(string Key, string Folder, LockedModel Locked);
