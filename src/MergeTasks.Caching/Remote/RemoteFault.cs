namespace MergeTasks.Caching.Remote;

/// <summary>
/// What a shared cache does not do as asked. No message holds an address with a password, nor anything that proves who asks.
/// </summary>
/// <param name="message">What is wrong, as a clause whose subject is named before.</param>
/// <param name="inner">The cause, if another exception reported it.</param>
internal sealed class RemoteFault(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>Whether only this entry is concerned; otherwise the server is of no use.</summary>
    public bool IsOfEntry { get; init; }

    /// <summary>Whether another attempt may succeed.</summary>
    public bool IsTransient { get; init; }

    /// <summary>How long the server asks to wait.</summary>
    public TimeSpan? RetryAfter { get; init; }
}

/// <summary>What should be said of a shared cache, once in a build.</summary>
/// <param name="IsOfEntry">Whether an entry is not what it should be; otherwise the cache cannot be used.</param>
/// <param name="Message">A sentence.</param>
internal sealed record RemoteProblem(bool IsOfEntry, string Message);
