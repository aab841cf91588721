using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;

namespace MergeTasks.Caching;

/// <summary>
/// A checksum at the speed of memory: running sums, sums of those, and so on to the fourth order over 32-bit words (Fletcher 1982; the
/// "fletcher4" with which ZFS guards its blocks), in eight lanes. It tells data from data that was changed by accident or by an editor, not
/// from data made to deceive.
/// </summary>
/// <remarks>Word w goes to lane w mod 8; the last words are filled up with zeros. The result is the SHA-256 of all sums and the
/// length.</remarks>
internal sealed class FourthOrderSums : IChunkSum
{
    private const int Lanes = 8;
    private const int Row = Lanes * sizeof(uint);

    private readonly byte[] _unfinished = new byte[Row];
    private Vector512<ulong> _first;
    private Vector512<ulong> _second;
    private Vector512<ulong> _third;
    private Vector512<ulong> _fourth;
    private long _length;

    /// <summary>Adds bytes; where they are cut makes no difference.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        var waiting = (int)(_length % Row);
        _length += bytes.Length;
        if (waiting > 0)
        {
            var taken = Math.Min(Row - waiting, bytes.Length);
            bytes[..taken].CopyTo(_unfinished.AsSpan(waiting));
            bytes = bytes[taken..];
            if (waiting + taken < Row)
                return;
            AddRows(_unfinished);
        }

        var whole = bytes.Length / Row * Row;
        AddRows(bytes[..whole]);
        bytes[whole..].CopyTo(_unfinished);
    }

    /// <summary>Writes the 32 bytes of the checksum and starts anew.</summary>
    public void Finish(Span<byte> destination)
    {
        var length = _length;
        if (_length % Row > 0)
        {
            _unfinished.AsSpan((int)(_length % Row)).Clear();
            AddRows(_unfinished);
        }

        Span<byte> sums = stackalloc byte[(4 * Lanes * sizeof(ulong)) + sizeof(long)];
        ReadOnlySpan<Vector512<ulong>> orders = [_first, _second, _third, _fourth];
        for (var i = 0; i < orders.Length * Lanes; i++)
            BinaryPrimitives.WriteUInt64LittleEndian(sums[(i * sizeof(ulong))..], orders[i / Lanes][i % Lanes]);
        BinaryPrimitives.WriteInt64LittleEndian(sums[^sizeof(long)..], length);
        SHA256.HashData(sums, destination);
        (_first, _second, _third, _fourth, _length) = (default, default, default, default, 0);
    }

    void IDisposable.Dispose()
    {
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AddRows(ReadOnlySpan<byte> rows)
    {
        ref readonly var words = ref MemoryMarshal.GetReference(MemoryMarshal.Cast<byte, uint>(rows));
        var (first, second, third, fourth) = (_first, _second, _third, _fourth);
        for (var i = 0; i < rows.Length / sizeof(uint); i += Lanes)
        {
            first += Vector512.WidenLower(Vector256.LoadUnsafe(in words, (nuint)i).ToVector512Unsafe());
            second += first;
            third += second;
            fourth += third;
        }

        (_first, _second, _third, _fourth) = (first, second, third, fourth);
    }
}
