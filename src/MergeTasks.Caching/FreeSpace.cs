using MergeTasks.Files;

namespace MergeTasks.Caching;

/// <summary>How much a disk still holds.</summary>
internal static class FreeSpace
{
    /// <summary>
    /// Bytes left for files in a folder, which need not exist yet; <see langword="null"/> where the system does not tell.
    /// </summary>
    public static long? Of(string folder)
    {
        try
        {
            while (!Directory.Exists(folder))
                folder = Path.GetDirectoryName(folder)!;
            return new DriveInfo(OperatingSystem.IsWindows() ? Path.GetPathRoot(folder)! : folder).AvailableFreeSpace;
        }
        catch (Exception e) when (FileFault.Covers(e) || e is ArgumentException)
        {
            // Network shares and odd mounts may not tell; writing will.
            return null;
        }
    }
}
