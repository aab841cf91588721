using System.Runtime.InteropServices;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Torch.Engine;

/// <summary>
/// Weights on the device in their own element type. They stay there as long as a limit allows, first come, first kept: a model runs its
/// layers in the same order again and again, so that keeping the latest instead would keep none. The others come and go with each use.
/// </summary>
/// <param name="device">The device.</param>
/// <param name="precision">What products take.</param>
/// <param name="limit">Most bytes that stay.</param>
/// <param name="full">Called for each weight that does not stay because of it.</param>
internal sealed class DeviceWeights(Device device, DevicePrecision precision, long limit, Action full) : IDisposable
{
    private const int BytesPerCopy = 1 << 26;

    private readonly Dictionary<ParameterValue, Tensor> _kept = [];
    private long _limit = limit;
    private long _keptBytes;
    private long _mostKept;

    /// <summary>Bytes of the weights that stay.</summary>
    public long KeptBytes => _keptBytes;

    /// <summary>
    /// A weight as products take it: matrices in bf16 where that is the precision, all else in fp32. It lives as long as the current scope.
    /// </summary>
    public Tensor ToCompute(ParameterValue value)
    {
        var stored = Stored(value);
        var converted = stored.to_type(
            precision == DevicePrecision.Bf16 && value.Shape.Count > 1 ? ScalarType.BFloat16 : ScalarType.Float32);
        if (!_kept.ContainsKey(value))
            stored.Dispose();
        return converted;
    }

    /// <summary>Some rows of a table in fp32; only these come to the device.</summary>
    public unsafe Tensor Rows(ParameterValue table, ReadOnlySpan<int> index)
    {
        var rows = empty([index.Length, table.Shape[1]], TypeOf(table.DType));
        var bytesPerRow = checked((int)(BytesOf(table) / table.Shape[0]));
        var bytes = rows.bytes;
        for (var i = 0; i < index.Length; i++)
        {
            var row = bytes.Slice(i * bytesPerRow, bytesPerRow);
            if (table.IsComputed)
                table.CopyTo((long)index[i] * table.Shape[1], MemoryMarshal.Cast<byte, float>(row));
            else
                new ReadOnlySpan<byte>(table.Data + (long)index[i] * bytesPerRow, bytesPerRow).CopyTo(row);
        }

        GC.KeepAlive(table);
        return rows.to(device).to_type(ScalarType.Float32);
    }

    /// <summary>Forgets weights that are not used any more.</summary>
    public void Release(IEnumerable<ParameterValue> values)
    {
        foreach (var value in values)
        {
            if (!_kept.Remove(value, out var tensor))
                continue;
            _keptBytes -= BytesOf(value);
            tensor.Dispose();
        }
    }

    /// <summary>Keeps half as much as until now, to make room.</summary>
    /// <returns>Whether there was anything to let go.</returns>
    public bool KeepLess()
    {
        if (_keptBytes == 0)
            return false;
        _limit = Math.Min(_limit, _mostKept) / 2;
        Release([.. _kept.Keys]);
        return true;
    }

    /// <inheritdoc/>
    public void Dispose() => Release([.. _kept.Keys]);

    private Tensor Stored(ParameterValue value)
    {
        if (_kept.TryGetValue(value, out var kept))
            return kept;
        var tensor = Upload(value);
        if (_keptBytes + BytesOf(value) > _limit)
        {
            full();
            return tensor;
        }

        _keptBytes += BytesOf(value);
        _mostKept = Math.Max(_mostKept, _keptBytes);
        _kept.Add(value, tensor.DetachFromDisposeScope());

        // The device has them now.
        value.Release();
        return tensor;
    }

    private unsafe Tensor Upload(ParameterValue value)
    {
        var tensor = empty([.. value.Shape], TypeOf(value.DType), device);
        var rows = value.Shape[0];
        var bytesPerRow = BytesOf(value) / Math.Max(1, rows);
        var perCopy = Math.Max(1, BytesPerCopy / Math.Max(1, bytesPerRow));
        for (var row = 0L; row < rows; row += perCopy)
        {
            using var scope = NewDisposeScope();
            var count = Math.Min(perCopy, rows - row);
            var part = tensor.narrow(0, row, count);
            var bytes = new ReadOnlySpan<byte>(value.Data + row * bytesPerRow, checked((int)(count * bytesPerRow)));
            if (device.type == DeviceType.CPU)
            {
                bytes.CopyTo(part.bytes);
                continue;
            }

            var staged = empty([.. part.shape], part.dtype);
            bytes.CopyTo(staged.bytes);
            part.copy_(staged);
        }

        GC.KeepAlive(value);
        return tensor;
    }

    private static long BytesOf(ParameterValue value) => value.ElementCount * value.DType.Size();

    private static ScalarType TypeOf(DType type) => type switch
    {
        DType.BF16 => ScalarType.BFloat16,
        DType.F16 => ScalarType.Float16,
        DType.F32 => ScalarType.Float32,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "Other types have been converted."),
    };
}
