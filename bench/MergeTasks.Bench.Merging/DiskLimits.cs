using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MergeTasks.Bench.Merging;

/// <summary>
/// What moving the bytes costs with no work on them: the limits that merges are compared with. Shares no code with the product.
/// </summary>
internal static unsafe partial class DiskLimits
{
    private const int ReadBlock = 256 << 10;
    private const int WriteBlock = 2 << 20;
    private const int PageSize = 4096;

    /// <summary>Reads files from the page cache.</summary>
    public static void ReadAll(IEnumerable<string> paths, int threads)
    {
        foreach (var path in paths)
        {
            using var file = File.OpenHandle(path);
            var blocks = (RandomAccess.GetLength(file) + ReadBlock - 1) / ReadBlock;
            OnThreads(threads, blocks, ReadBlock, (block, buffer) =>
            {
                _ = RandomAccess.Read(file, new Span<byte>((void*)buffer, ReadBlock), block * ReadBlock);
            });
        }
    }

    /// <summary>
    /// Writes a file of the given length (rounded up to whole pages) past the page cache and waits until it is on the disk.
    /// </summary>
    public static void WriteDirect(string path, long length, int threads)
    {
        using var file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, preallocationSize: length);
        if (OperatingSystem.IsLinux() && !SetDirect(file))
            Console.Error.WriteLine("This file system does not write past the page cache; the limit is that of buffered writing.");
        OnThreads(threads, (length + WriteBlock - 1) / WriteBlock, WriteBlock, (block, buffer) =>
        {
            var count = (Math.Min(WriteBlock, length - (block * WriteBlock)) + PageSize - 1) / PageSize * PageSize;
            RandomAccess.Write(file, new ReadOnlySpan<byte>((void*)buffer, (int)count), block * WriteBlock);
        });
        RandomAccess.FlushToDisk(file);
    }

    /// <summary>Reads files of one length side by side and writes as much as one of them has, through the page cache.</summary>
    public static void Move(string[] paths, string target, long length, int threads)
    {
        var files = Array.ConvertAll(paths, path => File.OpenHandle(path));
        using var output = File.OpenHandle(target, FileMode.CreateNew, FileAccess.Write, preallocationSize: length);
        OnThreads(threads, (length + ReadBlock - 1) / ReadBlock, ReadBlock, (block, buffer) =>
        {
            var bytes = new Span<byte>((void*)buffer, (int)Math.Min(ReadBlock, length - (block * ReadBlock)));
            foreach (var file in files)
                _ = RandomAccess.Read(file, bytes, block * ReadBlock);
            RandomAccess.Write(output, bytes, block * ReadBlock);
        });
        RandomAccess.FlushToDisk(output);
        foreach (var file in files)
            file.Dispose();
    }

    public static void OnThreads(int threads, long blocks, int bufferSize, Action<long, nint> body)
    {
        var next = -1L;
        Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads }, _ =>
        {
            var buffer = (nint)NativeMemory.AlignedAlloc((nuint)bufferSize, PageSize);
            new Span<byte>((void*)buffer, bufferSize).Fill(0x5A);
            while (Interlocked.Increment(ref next) is var block && block < blocks)
                body(block, buffer);
            NativeMemory.AlignedFree((void*)buffer);
        });
    }

    private static bool SetDirect(SafeFileHandle file)
    {
        const int getFlags = 3, setFlags = 4;
        var direct = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x10000 : 0x4000;
        return FileControl(file, getFlags, 0) is var flags and >= 0 && FileControl(file, setFlags, flags | direct) >= 0;
    }

    [LibraryImport("libc", EntryPoint = "fcntl")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int FileControl(SafeFileHandle file, int command, int argument);
}
