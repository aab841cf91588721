using MergeTasks.TestSupport;

[assembly: AssemblyFixture(typeof(MergeTasks.Tests.RunFolder))]

namespace MergeTasks.Tests;

/// <summary>What one run of these tests shares. It goes after the last test, whichever class that is in.</summary>
public sealed class RunFolder : IDisposable
{
    private static readonly Lazy<TempFolder> Folder = new(() => new TempFolder());

    /// <summary>A folder in it, made if it is not there.</summary>
    internal static string Of(string name) => Directory.CreateDirectory(Folder.Value[name]).FullName;

    public void Dispose()
    {
        if (Folder.IsValueCreated)
            Folder.Value.Dispose();
    }
}
