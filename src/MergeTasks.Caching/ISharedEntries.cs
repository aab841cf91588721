namespace MergeTasks.Caching;

/// <summary>
/// Entries that other machines have made and this one may take, and that take what this one makes. Whatever goes wrong with it is told once
/// and never an error: an entry that cannot be had is made.
/// </summary>
internal interface ISharedEntries
{
    /// <summary>Whether there is an entry, by what is said of it; its content is not fetched.</summary>
    /// <param name="key">Digest of everything that the content depends on.</param>
    /// <param name="cancellation">Ends waiting.</param>
    bool Has(ContentDigest key, CancellationToken cancellation);

    /// <summary>Fetches an entry's content.</summary>
    /// <param name="key">Digest of everything that the content depends on.</param>
    /// <param name="path">Full path of the file that gets it; what it holds afterwards counts only where the entry was there.</param>
    /// <param name="longest">Bytes that an entry may have.</param>
    /// <param name="cancellation">Ends waiting.</param>
    /// <returns>Whether it was there, and has the digest that is said of it.</returns>
    bool TryFetch(ContentDigest key, string path, long longest, CancellationToken cancellation);

    /// <summary>Says that what was fetched is not the entry after all; it is not asked for again.</summary>
    /// <param name="key">The entry.</param>
    /// <param name="why">What is wrong with it: the end of a sentence that begins with "it".</param>
    void Refuse(ContentDigest key, string why);

    /// <summary>Offers an entry that this machine has made.</summary>
    /// <param name="key">The entry.</param>
    /// <param name="path">Full path of its file.</param>
    /// <param name="cancellation">Ends waiting.</param>
    void Offer(ContentDigest key, string path, CancellationToken cancellation);
}
