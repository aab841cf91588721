using System.Reflection;
using MergeTasks.TestSupport;

namespace MergeTasks.Tests;

/// <summary>
/// The package as users get it: packed once per run into a folder feed, restored into a packages folder of the run's own. Each class of tests asks
/// for it as a fixture of its own, so that classes run side by side, and all get the same one.
/// </summary>
public sealed class Package
{
    private static readonly Lazy<(TempFolder Folder, string Version)> Packed = new(Pack);

    private readonly TempFolder _folder;

    public Package() => (_folder, Version) = Packed.Value;

    public static string Repository => Metadata("RepositoryRoot");

    public static string Configuration => Metadata("BuildConfiguration");

    public string Version { get; }

    public string Feed => FeedOf(_folder);

    public string Packages => _folder["packages"];

    private static (TempFolder Folder, string Version) Pack()
    {
        var folder = new TempFolder();

        // Whichever class is the last to end, the run itself ends after it.
        AppDomain.CurrentDomain.ProcessExit += (_, _) => folder.Dispose();
        var project = Path.Combine(Repository, "src", "MergeTasks", "MergeTasks.csproj");
        var result = Dotnet.Run(folder.Path, folder.Path, "pack", project, "--no-build", "-c", Configuration, "-o", FeedOf(folder));
        Assert.True(result.Succeeded, result.Output);
        return (folder, Path.GetFileNameWithoutExtension(Directory.GetFiles(FeedOf(folder), "*.nupkg").Single())["MergeTasks.".Length..]);
    }

    private static string FeedOf(TempFolder folder) => folder["feed"];

    private static string Metadata(string key) =>
        typeof(Package).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == key).Value!;
}
