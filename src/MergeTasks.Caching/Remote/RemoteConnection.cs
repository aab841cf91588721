namespace MergeTasks.Caching.Remote;

/// <summary>
/// What one build knows of a shared cache: a server that has failed is not asked again, and what is wrong is told once. Safe for use by
/// several threads.
/// </summary>
/// <param name="settings">Where it is.</param>
internal sealed class RemoteConnection(RemoteSettings settings) : IDisposable
{
    private readonly HashSet<ContentDigest> _refused = [];
    private readonly HashSet<bool> _told = [];
    private volatile bool _isClosed;
    private volatile bool _takesNothing = settings.IsReadOnly;

    /// <summary>The server.</summary>
    public RemoteClient Client { get; } = new(settings);

    /// <summary>Its address, without anything secret.</summary>
    public string Address => settings.Address.ToString().TrimEnd('/');

    /// <summary>Whether it is not asked any more.</summary>
    public bool IsClosed => _isClosed;

    /// <summary>Whether nothing is offered to it, or not any more.</summary>
    public bool TakesNothing => _isClosed || _takesNothing;

    /// <summary>Asks no more.</summary>
    public void Close() => _isClosed = true;

    /// <summary>Offers no more.</summary>
    public void StopOffering() => _takesNothing = true;

    /// <summary>Whether an entry was found to be none.</summary>
    public bool HasRefused(ContentDigest key)
    {
        lock (_refused)
            return _refused.Contains(key);
    }

    /// <summary>Says that an entry is none.</summary>
    public void Refuse(ContentDigest key)
    {
        lock (_refused)
            _refused.Add(key);
    }

    /// <summary>Whether a kind of problem is to be told, which is so once.</summary>
    public bool IsFirst(bool isOfEntry)
    {
        lock (_told)
            return _told.Add(isOfEntry);
    }

    /// <inheritdoc/>
    public void Dispose() => Client.Dispose();
}
