namespace MergeTasks.Transformers.Execution;

/// <summary>
/// What a layer's forward pass keeps for its backward pass. Each block pops in the reverse order of its pushes, so no block needs to know
/// what the others keep.
/// </summary>
internal sealed class Tape : IDisposable
{
    private readonly Stack<object> _kept = [];
    private readonly HashSet<PooledMemory> _memories = [];

    /// <summary>Bytes kept, each array counted once.</summary>
    public long Bytes { get; private set; }

    /// <summary>Keeps an activation, becoming one of its holders.</summary>
    public void Push(Activation activation)
    {
        _kept.Push(activation.Share());
        if (_memories.Add(activation.Memory))
            Bytes += (long)activation.Memory.Values.Length * sizeof(float);
    }

    /// <summary>Keeps small facts, such as a routing.</summary>
    public void PushFacts(object facts) => _kept.Push(facts);

    /// <summary>Keeps what a part kept by itself, so that parts can be taken back in another order.</summary>
    public void Push(Tape part)
    {
        _kept.Push(part);
        foreach (var memory in part._memories.Where(_memories.Add))
            Bytes += (long)memory.Values.Length * sizeof(float);
    }

    /// <summary>Takes back the activation pushed last; the caller disposes of it.</summary>
    public Activation Pop() => (Activation)_kept.Pop();

    /// <summary>Takes back the facts pushed last.</summary>
    public T PopFacts<T>() => (T)_kept.Pop();

    /// <summary>Lets go of everything that is left.</summary>
    public void Dispose()
    {
        while (_kept.TryPop(out var kept))
            (kept as IDisposable)?.Dispose();
    }
}
