using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace MergeTasks.Checkpoints.Disk;

/// <summary>
/// A fixed number of aligned write buffers and the threads that write them out. Workers that find no free buffer wait,
/// which is what bounds memory when computing is faster than the disk.
/// </summary>
internal sealed unsafe class BlockPool : IDisposable
{
    /// <summary>Bytes of one block: large enough that a write costs much more than a system call, small enough for the cache.</summary>
    public const int BlockSize = 2 << 20;

    private const int WriterThreads = 2;

    private readonly BlockingCollection<Block> _free = [];
    private readonly BlockingCollection<(Block Block, Action<Block> Write)> _full = [];
    private readonly List<Block> _blocks = [];
    private readonly Thread[] _writers;

    /// <summary>Allocates the buffers.</summary>
    /// <param name="workers">Threads that will fill blocks at the same time; each may hold two unfinished ones.</param>
    public BlockPool(int workers)
    {
        for (var i = 0; i < (2 * workers) + WriterThreads + 2; i++)
        {
            _blocks.Add(new Block((byte*)NativeMemory.AlignedAlloc(BlockSize, PageCacheBypass.Alignment)));
            _free.Add(_blocks[i]);
        }

        _writers = [
            .. Enumerable.Range(0, WriterThreads).Select(_ => new Thread(Drain) { IsBackground = true, Name = "Checkpoint writer" })
        ];
        foreach (var writer in _writers)
            writer.Start();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _full.CompleteAdding();
        foreach (var writer in _writers)
            writer.Join();
        foreach (var block in _blocks)
            NativeMemory.AlignedFree(block.Memory);
        _free.Dispose();
        _full.Dispose();
    }

    internal Block Rent(CancellationToken cancellation)
    {
        var block = _free.Take(cancellation);
        block.Filled = 0;
        return block;
    }

    internal void Write(Block block, Action<Block> write) => _full.Add((block, write));

    private void Drain()
    {
        foreach (var (block, write) in _full.GetConsumingEnumerable())
        {
            write(block);
            _free.Add(block);
        }
    }

    internal sealed class Block(byte* memory)
    {
        public byte* Memory { get; } = memory;

        public long Offset { get; set; }

        public int Length { get; set; }

        public int Filled { get; set; }

        public Span<byte> Bytes => new(Memory, Length);
    }
}
