using System.Runtime.InteropServices;

namespace MergeTasks.Library;

/// <summary>The SDK that belongs to the runtime of this process.</summary>
internal static class RunningSdk
{
    /// <summary>
    /// Full path of the newest SDK folder beside the runtime, <c>dotnet/sdk/10.0.100</c>; <see langword="null"/> where there is none.
    /// </summary>
    public static string? Find()
    {
        // dotnet/shared/Microsoft.NETCore.App/10.0.0/
        var sdks = Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "sdk");
        return !Directory.Exists(sdks) ? null
            : Directory.GetDirectories(sdks)
                .Where(folder => Version.TryParse(Path.GetFileName(folder).Split('-')[0], out _))
                .MaxBy(folder => Version.Parse(Path.GetFileName(folder).Split('-')[0])) is { } newest ? Path.GetFullPath(newest) : null;
    }
}
