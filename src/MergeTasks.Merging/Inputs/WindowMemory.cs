using MergeTasks.Numerics.Memory;

namespace MergeTasks.Merging.Inputs;

/// <summary>One thread's memory for a stretch of stored bytes, used again from tensor to tensor.</summary>
internal sealed class WindowMemory
{
    private AlignedMemory<byte>? _bytes;

    /// <summary>Memory of a length; what it held before is lost.</summary>
    public Span<byte> Take(int length)
    {
        if (_bytes is null || _bytes.Length < length)
            _bytes = new AlignedMemory<byte>(length);
        return _bytes.Span[..length];
    }
}
