using System.Reflection;

namespace MergeTasks.Tests;

/// <summary>
/// The package as users get it: packed once per run into a folder feed, restored into a packages folder of the run's own. Each class of
/// tests asks for it as a fixture of its own, so that classes run side by side, and all get the same one.
/// </summary>
public sealed class Package
{
    private static readonly Lazy<string> Packed = new(Pack);

    public static string Repository => Metadata("RepositoryRoot");

    public static string Configuration => Metadata("BuildConfiguration");

    public string Version { get; } = Packed.Value;

    public string Feed { get; } = RunFolder.Of("feed");

    public string Packages { get; } = RunFolder.Of("packages");

    private static string Pack()
    {
        var feed = RunFolder.Of("feed");
        var project = Path.Combine(Repository, "src", "MergeTasks", "MergeTasks.csproj");
        var result = Dotnet.Run(feed, feed, "pack", project, "--no-build", "-c", Configuration, "-o", feed);
        Assert.True(result.Succeeded, result.Output);
        return Path.GetFileNameWithoutExtension(Directory.GetFiles(feed, "*.nupkg").Single())["MergeTasks.".Length..];
    }

    private static string Metadata(string key) =>
        typeof(Package).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == key).Value!;
}
