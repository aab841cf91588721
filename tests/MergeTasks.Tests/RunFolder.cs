using MergeTasks.TestSupport;

namespace MergeTasks.Tests;

/// <summary>What one run of these tests shares. It goes when the run's process ends, whichever class of tests is the last.</summary>
internal static class RunFolder
{
    private static readonly TempFolder Folder = Make();

    /// <summary>A folder in it, made if it is not there.</summary>
    public static string Of(string name) => Directory.CreateDirectory(Folder[name]).FullName;

    private static TempFolder Make()
    {
        var folder = new TempFolder();
        AppDomain.CurrentDomain.ProcessExit += (_, _) =>
        {
            try
            {
                folder.Dispose();
            }
            catch (IOException)
            {
                // A process that a failed test has killed may still be writing; that is no failure of its own.
            }
        };
        return folder;
    }
}
