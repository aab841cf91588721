using System.Runtime.InteropServices;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Transformers.Parameters;

/// <summary>
/// Tells the operating system which pages of mapped weights are needed soon, and which are not any more. These are advice: what is not
/// there when it is read is read from the file, and where the system takes no advice nothing happens.
/// </summary>
internal static unsafe partial class MappedPages
{
    private const int WillNeed = 3;
    private const int DoNotNeed = 4;

    /// <summary>Has the pages of mapped values read ahead.</summary>
    public static void Fetch(IEnumerable<ParameterValue> values) => Advise(values, WillNeed);

    /// <summary>Takes the pages of mapped values out of this process's memory; the file cache may go on holding them.</summary>
    /// <remarks>The memory of computed values is given back.</remarks>
    public static void Release(IReadOnlyList<ParameterValue> values)
    {
        Advise(values, DoNotNeed);
        foreach (var value in values)
            value.Release();
    }

    // Only whole pages, because others' numbers may lie in the first and last one; and only mapped ones: others would lose their contents.
    private static void Advise(IEnumerable<ParameterValue> values, int advice)
    {
        var page = (nuint)Environment.SystemPageSize;
        foreach (var value in values.Where(value => value.IsMapped))
        {
            var first = ((nuint)value.Data + page - 1) / page * page;
            var end = ((nuint)value.Data + (nuint)value.ByteLength) / page * page;
            if (end <= first)
                continue;
            if (OperatingSystem.IsWindows())
            {
                // Unlocking what is not locked takes it out of the working set.
                if (advice == DoNotNeed)
                    VirtualUnlock(first, end - first);
            }
            else
            {
                _ = Madvise(first, end - first, advice);
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Madvise(nuint address, nuint length, int advice);

    [LibraryImport("kernel32")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool VirtualUnlock(nuint address, nuint length);
}
