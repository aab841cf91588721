namespace MergeTasks.Merging.Tests.Importance;

/// <summary>The trained models of the repository's example.</summary>
internal static class ExampleModels
{
    public static string Folder { get; } = Path.Combine(RepositoryRoot(), "example-project", "models");

    private static string RepositoryRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "MergeTasks.sln")))
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("MergeTasks.sln was not found above the tests.");
        return folder;
    }
}
