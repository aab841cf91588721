namespace MergeTasks.Files;

/// <summary>The system's own error numbers, which .NET passes on in <see cref="Exception.HResult"/>.</summary>
internal static class SystemErrors
{
    private const int FacilityWin32 = unchecked((int)0x80070000);
    private const int InputOutputError = 5;

    public static (FileFaultKind Kind, string Why) Explain(Exception exception)
    {
        var kind = OperatingSystem.IsWindows() ? OnWindows(exception.HResult) : OnUnix(exception.HResult);

        // Where .NET reserves space for a new file, it tells of a full disk in words alone.
        if (kind == FileFaultKind.Failed && exception.Message.Contains("disk was full", StringComparison.Ordinal))
            kind = FileFaultKind.DiskFull;
        return (kind, kind switch
        {
            FileFaultKind.DiskFull => "the disk is full",
            FileFaultKind.InUse => "another program has it open",
            FileFaultKind.Denied => "the file system is read-only, or permission is denied",
            FileFaultKind.Folder => "it is a folder",
            FileFaultKind.Missing => "a part of its path is no folder",
            FileFaultKind.BadName => "its name is too long, or links lead in a circle",
            _ when !OperatingSystem.IsWindows() && exception.HResult == InputOutputError => "its device reports an input/output error",
            _ => MessageText.Shown(exception.Message.TrimEnd('.')),
        });
    }

    private static FileFaultKind OnWindows(int code) => (code - FacilityWin32) switch
    {
        32 or 33 => FileFaultKind.InUse,
        39 or 112 => FileFaultKind.DiskFull,
        5 or 19 => FileFaultKind.Denied,
        123 or 206 => FileFaultKind.BadName,
        _ => FileFaultKind.Failed,
    };

    // Numbers up to 34 are the same on Linux, macOS and the BSDs; the others differ.
    private static FileFaultKind OnUnix(int code) => code switch
    {
        1 or 13 or 30 => FileFaultKind.Denied,
        16 or 26 => FileFaultKind.InUse,
        20 => FileFaultKind.Missing,
        21 => FileFaultKind.Folder,
        28 => FileFaultKind.DiskFull,
        _ => OperatingSystem.IsLinux() ? OnLinux(code) : OnBsd(code),
    };

    private static FileFaultKind OnLinux(int code) => code switch
    {
        11 => FileFaultKind.InUse,
        122 => FileFaultKind.DiskFull,
        36 or 40 => FileFaultKind.BadName,
        _ => FileFaultKind.Failed,
    };

    private static FileFaultKind OnBsd(int code) => code switch
    {
        35 => FileFaultKind.InUse,
        69 => FileFaultKind.DiskFull,
        62 or 63 => FileFaultKind.BadName,
        _ => FileFaultKind.Failed,
    };
}
