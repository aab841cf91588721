using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MergeTasks.Checkpoints.Disk;

/// <summary>
/// Writing past the page cache (O_DIRECT): a large output that nobody reads soon would only push out the inputs.
/// Linux only; elsewhere, and on file systems that refuse it, writing stays buffered.
/// </summary>
internal static partial class PageCacheBypass
{
    /// <summary>File offsets, lengths and memory addresses must be multiples of this.</summary>
    public const int Alignment = 4096;

    private const int GetFlags = 3;
    private const int SetFlags = 4;

    private static readonly int DirectFlag = RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 or Architecture.X86 => 0x4000,
        Architecture.Arm64 or Architecture.Arm => 0x10000,
        _ => 0,
    };

    /// <summary>
    /// Tries to switch the bypass on for a handle; <see langword="false"/> where the platform or the file system has none.
    /// </summary>
    public static bool TryEnable(SafeFileHandle handle) =>
        DirectFlag != 0 && OperatingSystem.IsLinux() && Change(handle, flags => flags | DirectFlag);

    /// <summary>Switches the bypass off again.</summary>
    public static void Disable(SafeFileHandle handle) => Change(handle, flags => flags & ~DirectFlag);

    private static bool Change(SafeFileHandle handle, Func<int, int> change)
    {
        var flags = FileControl(handle, GetFlags, 0);
        return flags >= 0 && FileControl(handle, SetFlags, change(flags)) >= 0;
    }

    // Declared without "..." although it is variadic in C: on Linux both calling conventions pass these arguments alike.
    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int FileControl(SafeFileHandle handle, int command, int argument);
}
