using MergeTasks.TestSupport;
using Microsoft.Build.Logging.StructuredLogger;

namespace MergeTasks.Tests;

/// <summary>A user's project in a folder of its own, which restores the packed package.</summary>
public sealed class Consumer : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly Package _package;
    private int _builds;

    public Consumer(Package package)
    {
        _package = package;
        File.WriteAllText(_folder["nuget.config"],
            $"""<configuration><packageSources><clear /><add key="local" value="{package.Feed}" /></packageSources></configuration>""");
        foreach (var model in new[] { "base", "code", "manual", "math" })
            CopyFolder(Path.Combine(Package.Repository, "example-project", "models", model), this["app", "models", model]);
    }

    public string this[params string[] parts] => _folder[parts];

    public void Project(string items, string properties = "", string after = "", string name = "app", string frameworks = "<TargetFramework>net10.0</TargetFramework>")
    {
        Directory.CreateDirectory(this[name]);
        File.WriteAllText(this[name, name + ".csproj"], $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>{frameworks}<RestorePackagesPath>{_package.Packages}</RestorePackagesPath>{properties}</PropertyGroup>
              <ItemGroup>
                <PackageReference Include="MergeTasks" Version="{_package.Version}" PrivateAssets="all" />
            {items}
              </ItemGroup>
            {after}
            </Project>
            """);
    }

    /// <summary>Environment variables of the runs.</summary>
    public Dictionary<string, string> Variables { get; } = [];

    public BuildResult Run(string project, params string[] arguments)
    {
        using var run = Dotnet.Start(this[project], _folder.Path, Variables, [.. arguments, "-nr:false", "-tl:off"]);
        return run.Wait();
    }

    /// <summary>Starts a run that goes on while the test does something else.</summary>
    public Dotnet Start(params string[] arguments) => Dotnet.Start(this["app"], _folder.Path, Variables, [.. arguments, "-nr:false", "-tl:off"]);

    public BuildResult Build(params string[] arguments)
    {
        var result = Run("app", ["build", .. arguments]);
        Assert.True(result.Succeeded, result.Output);
        return result;
    }

    /// <summary>Builds and tells which merges ran, from the binary log.</summary>
    public IReadOnlyList<string> Merged(params string[] arguments)
    {
        var log = this[$"build{++_builds}.binlog"];
        Build([.. arguments, $"-bl:{log}"]);
        return [.. BinaryLog.ReadBuild(log).FindChildrenRecursive<Microsoft.Build.Logging.StructuredLogger.Task>(task => task.Name == "MergeTensors")
            .Select(task => task.GetNearestParent<Microsoft.Build.Logging.StructuredLogger.Project>().Name).Select(name => Path.GetFileNameWithoutExtension(name)!).Order(StringComparer.Ordinal)];
    }

    public string Output(params string[] parts) => this[["app", "bin", "Debug", "models", .. parts]];

    public void Dispose() => _folder.Dispose();

    private static void CopyFolder(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.GetFiles(from))
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
    }
}
