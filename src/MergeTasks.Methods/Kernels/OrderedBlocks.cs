namespace MergeTasks.Methods.Kernels;

/// <summary>Takes what each block contributes, from any thread in any order, and passes it on in the order of the blocks.</summary>
/// <typeparam name="T">A contribution.</typeparam>
/// <param name="accept">Gets block after block, one at a time.</param>
internal sealed class OrderedBlocks<T>(Action<long, T> accept)
    where T : class
{
    private readonly Lock _gate = new();
    private readonly Dictionary<long, T> _waiting = [];
    private long _next;

    /// <summary>Takes a block's contribution.</summary>
    public void Add(long block, T contribution)
    {
        lock (_gate)
        {
            if (block != _next)
            {
                _waiting.Add(block, contribution);
                return;
            }

            for (var own = contribution; own is not null; own = _waiting.Remove(_next, out var following) ? following : null)
                accept(_next++, own);
        }
    }
}
