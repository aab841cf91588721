using System.IO.MemoryMappedFiles;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Pickled;
using MergeTasks.Files;
using Microsoft.Win32.SafeHandles;

namespace MergeTasks.Checkpoints.Safetensors;

/// <summary>
/// An open safetensors file, or one of PyTorch's whose elements lie as they would in that: its header, and reads at any position from any
/// thread.
/// </summary>
internal sealed class SafetensorsFile : IDisposable
{
    private readonly SafeFileHandle _handle;

    private SafetensorsFile(string path, SafeFileHandle handle, FileStatus status, SafetensorsHeader header)
    {
        Path = path;
        _handle = handle;
        Status = status;
        Header = header;
    }

    /// <summary>Full path.</summary>
    public string Path { get; }

    /// <summary>What the file system said of the file that is open here, before the header was read.</summary>
    public FileStatus Status { get; }

    /// <summary>The validated header.</summary>
    public SafetensorsHeader Header { get; }

    /// <summary>Opens the file and validates its header; no tensor data is read.</summary>
    /// <exception cref="CheckpointException">The file cannot be read or breaks the format's rules.</exception>
    public static SafetensorsFile Open(string path) => Open(path, null);

    /// <summary>As <see cref="Open(string)"/>.</summary>
    /// <param name="path">Full path.</param>
    /// <param name="pool">Shares descriptions of tensors with other files; <see langword="null"/>: with none.</param>
    public static SafetensorsFile Open(string path, TensorInfoPool? pool)
    {
        SafeFileHandle? handle = null;
        try
        {
            handle = InputFile.Open(path, FileOptions.RandomAccess);
            var status = FileStatus.Of(handle, path);
            var fileLength = RandomAccess.GetLength(handle);
            if (WeightFiles.IsPickled(path))
            {
                var pickled = new SafetensorsFile(path, handle, status, PickledHeader(path, handle, fileLength));
                handle = null;
                return pickled;
            }

            var field = new byte[SafetensorsHeader.LengthFieldSize];
            var got = ReadUpTo(handle, field, 0);
            var json = new byte[SafetensorsHeader.ReadLength(path, field.AsSpan(0, got), fileLength)];
            if (ReadUpTo(handle, json, field.Length) < json.Length)
                throw Truncated(path);
            var file = new SafetensorsFile(path, handle, status, SafetensorsHeader.Parse(path, json, fileLength, pool));
            handle = null;
            return file;
        }
        catch (Exception e) when (FileFault.Covers(e))
        {
            throw Unreadable(path, e);
        }
        finally
        {
            handle?.Dispose();
        }
    }

    /// <summary>Fills <paramref name="destination"/> from the given position of the file.</summary>
    /// <exception cref="CheckpointException">The file became shorter since it was opened, or cannot be read.</exception>
    public void Read(long offset, Span<byte> destination)
    {
        try
        {
            if (ReadUpTo(_handle, destination, offset) < destination.Length)
                throw Truncated(Path);
        }
        catch (Exception e) when (FileFault.Covers(e))
        {
            throw Unreadable(Path, e);
        }
    }

    /// <summary>Maps the whole file into memory to be read; the map outlives this object.</summary>
    /// <exception cref="CheckpointException">The file became shorter since it was opened, or cannot be mapped.</exception>
    public MemoryMappedFile Map()
    {
        try
        {
            // What the header says lies where the file ends by now must not be looked at: the process would be killed for it.
            if (RandomAccess.GetLength(_handle) < Status.Size)
                throw Truncated(Path);
            return MemoryMappedFile.CreateFromFile(
                _handle, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        }
        catch (Exception e) when (FileFault.Covers(e))
        {
            throw Unreadable(Path, e);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    // The elements lie as they are in either format, so only what says where differs.
    private static SafetensorsHeader PickledHeader(string path, SafeFileHandle handle, long length)
    {
        try
        {
            return SafetensorsHeader.Of(TorchFile.Tensors(
                (offset, destination) =>
                {
                    if (ReadUpTo(handle, destination, offset) < destination.Length)
                        throw Truncated(path);
                },
                length));
        }
        catch (PickleException e)
        {
            throw new CheckpointException(
                e.IsRefused ? CheckpointError.RefusedFormat : CheckpointError.Malformed, path, $"'{path}' {e.Reason}.", e);
        }
    }

    private static int ReadUpTo(SafeFileHandle handle, Span<byte> destination, long offset)
    {
        var total = 0;
        while (total < destination.Length)
        {
            var got = RandomAccess.Read(handle, destination[total..], offset + total);
            if (got == 0)
                break;
            total += got;
        }

        return total;
    }

    private static CheckpointException Truncated(string path) =>
        new(CheckpointError.Unreadable, path, $"'{path}' became shorter while it was read.");

    private static CheckpointException Unreadable(string path, Exception e) =>
        new(CheckpointError.Unreadable, path, FileFault.Of(e, path, FileAct.Read).Message, e);
}
