using System.Numerics;

namespace MergeTasks.Transformers.Execution;

/// <summary>
/// Reuses the large arrays of activations. Sizes are rounded up to a quarter of a power of two, so that sequences of similar length share
/// arrays; what a run does not touch is dropped at its end.
/// </summary>
internal sealed class ActivationPool
{
    private readonly Dictionary<int, Stack<float[]>> _free = [];
    private readonly HashSet<int> _touched = [];

    /// <summary>A matrix with undefined contents.</summary>
    public Activation Rent(int rows, int channels)
    {
        var size = RoundedUp(checked(rows * channels));
        _touched.Add(size);
        var memory = _free.TryGetValue(size, out var stack) && stack.Count > 0 ? stack.Pop() : GC.AllocateUninitializedArray<float>(size);
        return new Activation(new PooledMemory(this, memory), rows, channels);
    }

    /// <summary>Drops the arrays of sizes that were not asked for since the last call.</summary>
    public void Trim()
    {
        foreach (var size in _free.Keys.Where(size => !_touched.Contains(size)).ToList())
            _free.Remove(size);
        _touched.Clear();
    }

    internal void Return(float[] memory)
    {
        if (!_free.TryGetValue(memory.Length, out var stack))
            _free.Add(memory.Length, stack = new Stack<float[]>());
        stack.Push(memory);
    }

    private static int RoundedUp(int size)
    {
        if (size <= 64)
            return 64;
        var step = 1 << Math.Max(0, BitOperations.Log2((uint)size - 1) - 2);
        return (int)Math.Min(((long)size + step - 1) / step * step, Array.MaxLength);
    }
}
