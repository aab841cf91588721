using System.IO.MemoryMappedFiles;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Files;

namespace MergeTasks.Checkpoints.Safetensors;

/// <summary>
/// Read-only memory maps of a checkpoint's weight files: tensors are read where they lie, and the operating system keeps or drops their
/// pages as memory allows. Files must not shrink while they are mapped.
/// </summary>
internal sealed unsafe class MappedWeights : IDisposable
{
    private readonly Dictionary<SafetensorsFile, Map> _maps = [];
    private readonly Lock _lock = new();
    private readonly Checkpoint _checkpoint;
    private bool _disposed;

    /// <summary>Maps nothing yet: a file is mapped when its first tensor is asked for.</summary>
    public MappedWeights(Checkpoint checkpoint)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        _checkpoint = checkpoint;
    }

    /// <summary>The first byte of a tensor, valid until <see cref="Dispose"/>; elements are little-endian and may be unaligned.</summary>
    /// <exception cref="KeyNotFoundException">No tensor of that name.</exception>
    /// <exception cref="CheckpointException">The file cannot be mapped.</exception>
    public byte* Find(string name)
    {
        var info = _checkpoint.Find(name) ?? throw new KeyNotFoundException($"No tensor '{name}'.");
        var file = _checkpoint.FileOf(name);
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (!_maps.TryGetValue(file, out var map))
                _maps.Add(file, map = Map.Open(file));
            return map.Start + info.Offset;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            foreach (var map in _maps.Values)
                map.Close();
            _maps.Clear();
        }
    }

    private sealed class Map(MemoryMappedFile file, MemoryMappedViewAccessor view, byte* start)
    {
        public byte* Start => start;

        public static Map Open(SafetensorsFile weights)
        {
            var file = weights.Map();
            try
            {
                var view = file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
                byte* start = null;
                view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
                return new Map(file, view, start + view.PointerOffset);
            }
            catch (Exception e) when (FileFault.Covers(e))
            {
                file.Dispose();
                throw new CheckpointException(
                    CheckpointError.Unreadable, weights.Path, FileFault.Of(e, weights.Path, FileAct.Read).Message, e);
            }
        }

        public void Close()
        {
            view.SafeMemoryMappedViewHandle.ReleasePointer();
            view.Dispose();
            file.Dispose();
        }
    }
}
