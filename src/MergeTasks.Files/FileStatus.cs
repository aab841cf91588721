using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MergeTasks.Files;

/// <summary>What a path leads to.</summary>
public enum FileKind
{
    /// <summary>Nothing, or nothing that may be looked at.</summary>
    None,

    /// <summary>A file whose bytes lie on a disk.</summary>
    Regular,

    /// <summary>A folder.</summary>
    Folder,

    /// <summary>A pipe, a socket or a device, which may keep whoever opens it waiting for ever.</summary>
    Special,
}

/// <summary>What the file system says of a path without opening it; links are followed.</summary>
/// <param name="Kind">What is there. Only Linux tells special files from others.</param>
/// <param name="Size">Bytes of a file.</param>
/// <param name="Modified">Last write, in nanoseconds since 1970 (100 ns steps where the platform gives no more).</param>
/// <param name="Changed">Last change of data or attributes (ctime), in nanoseconds; 0 where the platform does not tell.</param>
/// <param name="Inode">The file's number on its volume; 0 where the platform does not tell.</param>
public readonly partial record struct FileStatus(FileKind Kind, long Size, long Modified, long Changed, ulong Inode)
{
    private const long Second = 1_000_000_000;
    private const int CurrentFolder = -100;
    private const int EmptyPath = 0x1000;

    /// <summary>Looks.</summary>
    public static FileStatus Of(string path)
    {
        // The system would take what stands before it for the whole name.
        if (path.Contains('\0', StringComparison.Ordinal))
            return default;
        if (OperatingSystem.IsLinux() && TryStatx(CurrentFolder, path, 0) is { } status)
            return status;
        var file = new FileInfo(path);
        return file.Exists ? new FileStatus(FileKind.Regular, file.Length, Nanoseconds(file.LastWriteTimeUtc), 0, 0)
            : Directory.Exists(path) ? new FileStatus(FileKind.Folder, 0, Nanoseconds(Directory.GetLastWriteTimeUtc(path)), 0, 0)
            : default;
    }

    /// <summary>Looks at the file that a handle reads, whatever its path leads to by now (elsewhere than on Linux: at the path).</summary>
    public static FileStatus Of(SafeFileHandle handle, string path)
    {
        ArgumentNullException.ThrowIfNull(handle);
        if (!OperatingSystem.IsLinux())
            return Of(path);
        var isHeld = false;
        try
        {
            handle.DangerousAddRef(ref isHeld);
            return TryStatx((int)handle.DangerousGetHandle(), "", EmptyPath) ?? Of(path);
        }
        finally
        {
            if (isHeld)
                handle.DangerousRelease();
        }
    }

    private static long Nanoseconds(DateTime time) => (time - DateTime.UnixEpoch).Ticks * 100;

    private static FileStatus? TryStatx(int folder, string path, int flags)
    {
        const uint basicStats = 0x7ff;
        const ushort kindMask = 0xF000, regularFile = 0x8000, directory = 0x4000;
        try
        {
            if (Statx(folder, path, flags, basicStats, out var result) != 0)
                return default(FileStatus);
            var kind = (result.Mode & kindMask) switch
            {
                regularFile => FileKind.Regular,
                directory => FileKind.Folder,
                _ => FileKind.Special,
            };
            return new FileStatus(kind, (long)result.Size, result.Modified.Nanoseconds, result.Changed.Nanoseconds, result.Inode);
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            return null;
        }
    }

    // statx(2) has one layout on every architecture, unlike stat(2).
    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Statx(int folder, string path, int flags, uint mask, out StatxResult result);

    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct StatxResult
    {
        [FieldOffset(0x1C)]
        public ushort Mode;
        [FieldOffset(0x20)]
        public ulong Inode;
        [FieldOffset(0x28)]
        public ulong Size;
        [FieldOffset(0x60)]
        public StatxTime Changed;
        [FieldOffset(0x70)]
        public StatxTime Modified;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct StatxTime
    {
        public long Seconds;
        public uint Fraction;
        public int Reserved;

        public readonly long Nanoseconds => (Seconds * Second) + Fraction;
    }
}
