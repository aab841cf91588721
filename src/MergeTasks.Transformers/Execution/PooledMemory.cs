namespace MergeTasks.Transformers.Execution;

/// <summary>
/// An array of the pool and the number of those that use it. Only the thread that runs the blocks takes and releases memory.
/// </summary>
internal sealed class PooledMemory(ActivationPool pool, float[] values)
{
    /// <summary>The array, at least as long as what it holds.</summary>
    public float[] Values { get; } = values;

    /// <summary>How many use it.</summary>
    public int Holders { get; set; } = 1;

    /// <summary>Gives the array back when the last user is gone.</summary>
    public void Release()
    {
        if (--Holders == 0)
            pool.Return(Values);
    }
}
