using System.Reflection;
using MergeTasks.TestSupport;

namespace MergeTasks.Tests;

/// <summary>The package as users get it: packed once per run into a folder feed, restored into a packages folder of the run's own.</summary>
public sealed class Package : IDisposable
{
    private readonly TempFolder _folder = new();

    public Package()
    {
        var project = Path.Combine(Repository, "src", "MergeTasks", "MergeTasks.csproj");
        var result = Dotnet.Run(_folder.Path, _folder.Path, "pack", project, "--no-build", "-c", Configuration, "-o", Feed);
        Assert.True(result.Succeeded, result.Output);
        Version = Path.GetFileNameWithoutExtension(Directory.GetFiles(Feed, "*.nupkg").Single())["MergeTasks.".Length..];
    }

    public static string Repository => Metadata("RepositoryRoot");

    public static string Configuration => Metadata("BuildConfiguration");

    public string Version { get; }

    public string Feed => _folder["feed"];

    public string Packages => _folder["packages"];

    public void Dispose() => _folder.Dispose();

    private static string Metadata(string key) =>
        typeof(Package).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == key).Value!;
}

[CollectionDefinition(Name)]
public sealed class PackageTests : ICollectionFixture<Package>
{
    public const string Name = "package";
}
