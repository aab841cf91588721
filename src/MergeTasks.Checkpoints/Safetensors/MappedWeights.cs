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
                _maps.Add(file, map = Map.Open(file.Path));
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

        public static Map Open(string path)
        {
            try
            {
                var file = MemoryMappedFile.CreateFromFile(InputFile.Open(path), null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
                var view = file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
                byte* start = null;
                view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
                return new Map(file, view, start + view.PointerOffset);
            }
            catch (Exception e) when (FileFault.Covers(e))
            {
                throw new CheckpointException(CheckpointError.Unreadable, path, FileFault.Of(e, path, FileAct.Read).Message, e);
            }
            catch (ArgumentException e)
            {
                // Nothing is left that could be mapped.
                throw new CheckpointException(CheckpointError.Malformed, path, $"'{path}' became shorter while it was read.", e);
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
