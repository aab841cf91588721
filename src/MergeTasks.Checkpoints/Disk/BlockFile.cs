using MergeTasks.Files;
using Microsoft.Win32.SafeHandles;

namespace MergeTasks.Checkpoints.Disk;

/// <summary>
/// A file of known length that several threads fill in any order, each byte once. Bytes collect in the pool's blocks;
/// a block is written as soon as it is full.
/// </summary>
internal sealed unsafe class BlockFile : IDisposable
{
    private readonly BlockPool _pool;
    private readonly SafeFileHandle _handle;
    private readonly Action<int> _written;
    private readonly CancellationTokenSource _failed;
    private readonly Dictionary<long, BlockPool.Block> _open = [];
    private readonly Lock _gate = new();
    private readonly ManualResetEventSlim _idle = new(true);
    private int _pending;
    private bool _bypass;
    private Exception? _failure;

    /// <summary>Creates the file and reserves its space, so that a full disk is met here and not half-way.</summary>
    /// <param name="path">Must not exist.</param>
    /// <param name="length">Bytes of the finished file.</param>
    /// <param name="pool">Where blocks come from.</param>
    /// <param name="bypassPageCache">Write past the page cache where the file system can.</param>
    /// <param name="written">Called on a writer thread after each block, with its bytes.</param>
    /// <param name="cancellation">Ends waiting for blocks.</param>
    /// <exception cref="IOException">The file exists, or the disk has too little space.</exception>
    public BlockFile(string path, long length, BlockPool pool, bool bypassPageCache, Action<int> written, CancellationToken cancellation)
    {
        Path = path;
        Length = length;
        _pool = pool;
        _written = written;
        _failed = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        _handle = FileFault.During(
            path,
            FileAct.Write,
            () => File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Read, FileOptions.None, length));
        _bypass = bypassPageCache && PageCacheBypass.TryEnable(_handle);
    }

    /// <summary>Full path.</summary>
    public string Path { get; }

    /// <summary>Bytes of the finished file.</summary>
    public long Length { get; }

    /// <summary>
    /// Lends memory for the bytes from <paramref name="offset"/> on: up to <paramref name="wanted"/>, less where a block ends.
    /// </summary>
    /// <remarks>Fill the span, then call <see cref="Commit"/> with its length. Each byte of the file must be lent once.</remarks>
    /// <exception cref="IOException">An earlier block could not be written.</exception>
    public Span<byte> Acquire(long offset, long wanted)
    {
        var start = offset - (offset % BlockPool.BlockSize);
        BlockPool.Block? block;
        lock (_gate)
            _open.TryGetValue(start, out block);
        if (block is null)
            block = Open(start);
        var within = (int)(offset - start);
        return block.Bytes.Slice(within, (int)Math.Min(wanted, block.Length - within));
    }

    /// <summary>Says that bytes lent by <see cref="Acquire"/> are filled.</summary>
    public void Commit(long offset, int count)
    {
        var start = offset - (offset % BlockPool.BlockSize);
        BlockPool.Block block;
        lock (_gate)
        {
            block = _open[start];
            block.Filled += count;
            if (block.Filled < block.Length)
                return;
            _open.Remove(start);
            _pending++;
            _idle.Reset();
        }

        _pool.Write(block, WriteOut);
    }

    /// <summary>Copies bytes into the file.</summary>
    public void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var span = Acquire(offset, bytes.Length);
            bytes[..span.Length].CopyTo(span);
            Commit(offset, span.Length);
            offset += span.Length;
            bytes = bytes[span.Length..];
        }
    }

    /// <summary>Waits until everything is written and on the disk.</summary>
    /// <exception cref="IOException">A block could not be written.</exception>
    /// <exception cref="InvalidOperationException">Some bytes were never committed.</exception>
    public void Complete()
    {
        _idle.Wait();
        ThrowIfFailed();
        lock (_gate)
        {
            if (_open.Count > 0)
                throw new InvalidOperationException($"{_open.Count} blocks of '{Path}' are unfinished.");
        }

        RandomAccess.SetLength(_handle, Length);
        RandomAccess.FlushToDisk(_handle);
        _handle.Dispose();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _idle.Wait();
        _handle.Dispose();
        _failed.Dispose();
        _idle.Dispose();
    }

    private BlockPool.Block Open(long start)
    {
        BlockPool.Block fresh;
        try
        {
            fresh = _pool.Rent(_failed.Token);
        }
        catch (OperationCanceledException) when (_failure is not null)
        {
            ThrowIfFailed();
            throw;
        }

        fresh.Offset = start;
        fresh.Length = (int)Math.Min(BlockPool.BlockSize, Length - start);
        lock (_gate)
        {
            // Another worker may have opened the same block meanwhile; then this one goes back unused.
            if (_open.TryGetValue(start, out var other))
            {
                _pool.Write(fresh, _ => { });
                return other;
            }

            return _open[start] = fresh;
        }
    }

    private void WriteOut(BlockPool.Block block)
    {
        try
        {
            if (_failure is null)
            {
                WriteBlock(block);
                _written(block.Length);
            }
        }
        catch (Exception e)
        {
            _failure ??= e;
            _failed.Cancel();
        }
        finally
        {
            lock (_gate)
            {
                if (--_pending == 0)
                    _idle.Set();
            }
        }
    }

    private void WriteBlock(BlockPool.Block block)
    {
        if (_bypass)
        {
            var padded = (block.Length + PageCacheBypass.Alignment - 1) / PageCacheBypass.Alignment * PageCacheBypass.Alignment;
            new Span<byte>(block.Memory + block.Length, padded - block.Length).Clear();
            try
            {
                RandomAccess.Write(_handle, new ReadOnlySpan<byte>(block.Memory, padded), block.Offset);
                return;
            }
            catch (IOException)
            {
                // Some file systems accept the flag and refuse the write; buffered writing then reports the real error, if any.
                _bypass = false;
                PageCacheBypass.Disable(_handle);
            }
        }

        RandomAccess.Write(_handle, block.Bytes, block.Offset);
    }

    private void ThrowIfFailed()
    {
        switch (_failure)
        {
            case null:
                return;
            case OperationCanceledException:
                // Blocks after the cancellation were not written: the file must not count as complete.
                throw new OperationCanceledException(_failure.Message, _failure);
            default:
                throw FileFault.Covers(_failure)
                    ? FileFault.Of(_failure, Path, FileAct.Write)
                    : new IOException(_failure.Message, _failure);
        }
    }
}
