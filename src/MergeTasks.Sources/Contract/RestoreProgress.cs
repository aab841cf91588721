namespace MergeTasks.Sources.Contract;

/// <summary>Hears of a restore's progress, from any thread. Does nothing by itself.</summary>
internal class RestoreProgress
{
    /// <summary>Hears nothing.</summary>
    public static RestoreProgress None { get; } = new();

    /// <summary>Fetching begins.</summary>
    /// <param name="files">Files to fetch.</param>
    /// <param name="bytes">Bytes to fetch, as far as they are known; packages tell no size beforehand.</param>
    public virtual void Starting(int files, long bytes)
    {
    }

    /// <summary>Bytes have come.</summary>
    public virtual void Received(long bytes)
    {
    }

    /// <summary>Something that a reader of the log may want to know: an attempt that failed, what a reference was resolved to.</summary>
    public virtual void Note(string message)
    {
    }

    /// <summary>Another process is fetching the same file.</summary>
    public virtual void Waiting(string file)
    {
    }
}
