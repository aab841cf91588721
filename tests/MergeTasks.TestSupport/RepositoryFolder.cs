namespace MergeTasks.TestSupport;

/// <summary>The repository that the tests were built from.</summary>
internal static class RepositoryFolder
{
    /// <summary>Full path: the nearest folder above the tests that holds the solution.</summary>
    public static string Root { get; } = Find();

    private static string Find()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "MergeTasks.sln")))
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("MergeTasks.sln was not found above the tests.");
        return folder;
    }
}
