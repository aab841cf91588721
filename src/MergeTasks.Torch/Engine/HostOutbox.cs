using System.Runtime.InteropServices;

namespace MergeTasks.Torch.Engine;

/// <summary>
/// Takes large fp32 tensors to the host through one page-locked buffer there, which a CUDA device fills at the full speed of its bus, and
/// which is kept because it is slow to make. On the processor nothing is copied.
/// </summary>
internal sealed class HostOutbox : IDisposable
{
    // 64 MiB: a bus is at its full speed, and little of the device's memory is taken.
    private const int ElementsAtOnce = 1 << 24;

    private Tensor? _buffer;

    /// <summary>How many elements are worth a transfer, and the most that one should have.</summary>
    public int Capacity { get; internal set; } = ElementsAtOnce;

    /// <summary>How many tensors have been taken.</summary>
    public long Transfers { get; private set; }

    /// <summary>The values, row-major, valid until the next call.</summary>
    public ReadOnlySpan<float> Take(Tensor values)
    {
        Transfers++;
        if (values.device_type == DeviceType.CPU)
            return MemoryMarshal.Cast<byte, float>(values.contiguous().bytes);
        var length = values.numel();
        if (_buffer is null || _buffer.numel() < length)
            Grow(length);
        using var scope = NewDisposeScope();
        _buffer!.narrow(0, 0, length).copy_(values.reshape(-1));
        return MemoryMarshal.Cast<byte, float>(_buffer.bytes)[..(int)length];
    }

    /// <inheritdoc/>
    public void Dispose() => _buffer?.Dispose();

    private void Grow(long length)
    {
        _buffer?.Dispose();
        _buffer = null;
        using var scope = NewDisposeScope();
        var pages = empty([length], ScalarType.Float32);
        try
        {
            _buffer = pages.pin_memory();
        }
        catch (ExternalException)
        {
            // The system limits how much may be locked; other memory does as well, and is slower.
            _buffer = pages;
        }

        _buffer.DetachFromDisposeScope();
    }
}
