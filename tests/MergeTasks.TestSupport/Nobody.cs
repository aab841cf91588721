using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace MergeTasks.TestSupport;

/// <summary>
/// Does work as a user without rights to files, also where the tests run as the superuser, whom no permission stops. On Linux one thread
/// can be another user to the file system (setfsuid(2), setfsgid(2)) and nothing else.
/// </summary>
public static partial class Nobody
{
    private const uint User = 65534;

    /// <summary>Whether that is possible here, or not needed.</summary>
    [UnsupportedOSPlatformGuard("windows")]
    public static bool IsAvailable => !OperatingSystem.IsWindows() && (!Environment.IsPrivilegedProcess || OperatingSystem.IsLinux());

    /// <summary>Runs an action; only what it does on its own thread is done as nobody.</summary>
    public static void Do(Action action)
    {
        if (!Environment.IsPrivilegedProcess)
        {
            action();
            return;
        }

        ExceptionDispatchInfo? thrown = null;
        var thread = new Thread(() =>
        {
            try
            {
                _ = SetFileSystemGroup(User);
                _ = SetFileSystemUser(User);
                action();
            }
            catch (Exception e)
            {
                thrown = ExceptionDispatchInfo.Capture(e);
            }
        });

        // The thread ends with it, so its user is nobody else's.
        thread.Start();
        thread.Join();
        thrown?.Throw();
    }

    /// <summary>Lets everybody look into a folder and read what is in it, so that only what a test forbids is forbidden.</summary>
    [UnsupportedOSPlatform("windows")]
    public static void Open(string folder)
    {
        const UnixFileMode everybody = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
            | UnixFileMode.GroupRead
                | UnixFileMode.GroupWrite
                | UnixFileMode.GroupExecute
                | UnixFileMode.OtherRead
                | UnixFileMode.OtherWrite
                | UnixFileMode.OtherExecute;
        File.SetUnixFileMode(folder, everybody);
        foreach (var path in Directory.EnumerateFileSystemEntries(folder, "*", SearchOption.AllDirectories))
            File.SetUnixFileMode(path, everybody);
    }

    [LibraryImport("libc", EntryPoint = "setfsgid")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetFileSystemGroup(uint group);

    [LibraryImport("libc", EntryPoint = "setfsuid")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetFileSystemUser(uint user);
}
