using MergeTasks.Numerics.Products;

namespace MergeTasks.Transformers.Execution;

/// <summary>A row-major matrix in pooled memory, returned to the pool when its last holder disposes of it.</summary>
internal sealed class Activation : IDisposable
{
    private readonly PooledMemory _memory;

    internal Activation(PooledMemory memory, int rows, int channels)
    {
        _memory = memory;
        Rows = rows;
        Channels = channels;
    }

    /// <summary>The memory that it shares with others.</summary>
    public PooledMemory Memory => _memory;

    /// <summary>Number of rows.</summary>
    public int Rows { get; }

    /// <summary>Elements of a row.</summary>
    public int Channels { get; }

    /// <summary>All elements.</summary>
    public Span<float> Values => _memory.Values.AsSpan(0, Rows * Channels);

    /// <summary>All elements as a matrix.</summary>
    public MatrixView View => new(Values, Rows, Channels);

    /// <summary>One row.</summary>
    public Span<float> Row(int row) => _memory.Values.AsSpan(row * Channels, Channels);

    /// <summary>A part of some rows.</summary>
    /// <param name="row">First row.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="channel">First channel.</param>
    /// <param name="channels">Number of channels.</param>
    public MatrixView Part(int row, int rows, int channel, int channels) =>
        new(_memory.Values.AsSpan(row * Channels + channel, rows == 0 ? 0 : (rows - 1) * Channels + channels), rows, channels, Channels);

    /// <summary>Adds a holder.</summary>
    public Activation Share()
    {
        _memory.Holders++;
        return this;
    }

    /// <summary>Adds a holder that sees the same elements as rows of another length.</summary>
    public Activation ShareAs(int rows, int channels)
    {
        _memory.Holders++;
        return new Activation(_memory, rows, channels);
    }

    /// <summary>Removes a holder.</summary>
    public void Dispose() => _memory.Release();
}
