using System.Text.RegularExpressions;
using MergeTasks.TestSupport;
using Microsoft.Build.Logging.StructuredLogger;

namespace MergeTasks.Tests;

/// <summary>A user's project in a folder of its own, which restores the packed package.</summary>
public sealed partial class Consumer : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly Package _package;
    private readonly Dictionary<string, string> _restored = [];
    private int _builds;

    /// <param name="package">The package that its projects refer to.</param>
    /// <param name="compiles">
    /// Whether the compiler runs. Nothing that it makes reaches a merge, a changed project file starts it again, and it takes longer than
    /// all else in a build; without it a file that is no assembly has the assembly's place.
    /// </param>
    public Consumer(Package package, bool compiles = false)
    {
        _package = package;
        Reference = $"""<PackageReference Include="MergeTasks" Version="{package.Version}" PrivateAssets="all" />""";
        File.WriteAllText(_folder["nuget.config"],
            $"""<configuration><packageSources><clear /><add key="local" value="{package.Feed}" /></packageSources></configuration>""");
        if (!compiles)
        {
            File.WriteAllText(_folder["Directory.Build.props"], """
                <Project>
                  <PropertyGroup><ProduceReferenceAssembly>false</ProduceReferenceAssembly><DebugType>none</DebugType></PropertyGroup>
                </Project>
                """);
            File.WriteAllText(_folder["Directory.Build.targets"], """
                <Project>
                  <Target Name="CoreCompile">
                    <WriteLinesToFile File="@(IntermediateAssembly)" Lines="not compiled" WriteOnlyWhenDifferent="true" />
                  </Target>
                </Project>
                """);
        }

        foreach (var model in new[] { "base", "code", "manual", "math" })
            CopyFolder(Path.Combine(Package.Repository, "example-project", "models", model), this["app", "models", model]);
    }

    public string this[params string[] parts] => _folder[parts];

    public void Project(
        string items,
        string properties = "",
        string after = "",
        string name = "app",
        string frameworks = "<TargetFramework>net10.0</TargetFramework>",
        string sdk = "Microsoft.NET.Sdk",
        string extension = ".csproj")
    {
        Directory.CreateDirectory(this[name]);
        File.WriteAllText(this[name, name + extension], $"""
            <Project Sdk="{sdk}">
              <PropertyGroup>{frameworks}<RestorePackagesPath>{_package.Packages}</RestorePackagesPath>{properties}</PropertyGroup>
              <ItemGroup>
                {Reference}
            {items}
              </ItemGroup>
            {after}
            </Project>
            """);
    }

    /// <summary>How projects refer to the package.</summary>
    public string Reference { get; set; }

    /// <summary>Environment variables of the runs.</summary>
    public Dictionary<string, string> Variables { get; } = [];

    /// <summary>
    /// Runs to the end, without restoring packages where a project file was built before that differed in its merges alone: these are
    /// nothing that restoring reads.
    /// </summary>
    public BuildResult Run(string project, params string[] arguments)
    {
        var file = Directory.Exists(this[project]) ? Directory.GetFiles(this[project], project + ".*proj").FirstOrDefault() ?? "" : "";
        var text = File.Exists(file) ? Merges().Replace(File.ReadAllText(file), "") : "";
        var isRestored = arguments[0] is "build" or "publish" or "pack" && text.Length > 0 && _restored.GetValueOrDefault(project) == text;
        string[] skipped = isRestored && !arguments.Contains("--no-restore") ? ["--no-restore"] : [];
        using var run = Dotnet.Start(this[project], _folder.Path, Variables, [.. arguments, .. skipped, "-nr:false", "-tl:off"]);
        var result = run.Wait();
        if (result.Succeeded && arguments[0] is "build" or "restore")
            _restored[project] = text;
        return result;
    }

    /// <summary>Starts a run that goes on while the test does something else.</summary>
    public Dotnet Start(params string[] arguments) =>
        Dotnet.Start(this["app"], _folder.Path, Variables, [.. arguments, "-nr:false", "-tl:off"]);

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
        Build([.. arguments, $"-bl:{log};ProjectImports=None"]);
        return [
            .. BinaryLog.ReadBuild(log)
                .FindChildrenRecursive<Microsoft.Build.Logging.StructuredLogger.Task>(task => task.Name == "MergeTensors")
            .Select(task => task.GetNearestParent<Microsoft.Build.Logging.StructuredLogger.Project>().Name)
                .Select(name => Path.GetFileNameWithoutExtension(name)!)
                .Order(StringComparer.Ordinal)];
    }

    public string Output(params string[] parts) => this[["app", "bin", "Debug", "models", .. parts]];

    public void Dispose() => _folder.Dispose();

    [GeneratedRegex(
        "<(MergedModel|MergeSource|MergeEvaluation|MergeSearchAxis|MergeSearch)\\b[^>]*?(/>|>.*?</\\1>)", RegexOptions.Singleline)]
    private static partial Regex Merges();

    private static void CopyFolder(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.GetFiles(from))
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
    }
}
