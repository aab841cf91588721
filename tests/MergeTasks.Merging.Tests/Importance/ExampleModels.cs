using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Importance;

/// <summary>The trained models of the repository's example.</summary>
internal static class ExampleModels
{
    public static string Folder { get; } = Path.Combine(RepositoryFolder.Root, "example-project", "models");
}
