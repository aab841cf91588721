namespace MergeTasks.Tests;

/// <summary>The tool as users have it: packed, installed, and started by its own name.</summary>
public sealed class InstalledTool
{
    [Fact]
    public void The_packed_tool_is_installed_and_merges()
    {
        var folder = RunFolder.Of("tool");
        var project = Path.Combine(Package.Repository, "src", "MergeTasks.Tool", "MergeTasks.Tool.csproj");
        Run("dotnet", "pack", project, "--no-build", "-c", Package.Configuration, "-o", folder);
        File.WriteAllText(
            Path.Combine(folder, "nuget.config"),
            $"""<configuration><packageSources><clear /><add key="own" value="{folder}" /></packageSources></configuration>""");
        Run("dotnet", "tool", "install", "MergeTasks.Tool", "--tool-path", Path.Combine(folder, "bin"), "--prerelease",
            "--configfile", Path.Combine(folder, "nuget.config"));

        // Its assemblies are found without any of the repository's.
        Run("mergetasks", "merge", "recipes/average.yml", Path.Combine(folder, "merged"), "--num-threads", "1");
        var verified = Run("mergetasks", "verify", Path.Combine(folder, "merged"));
        Assert.Contains("'average' is as its merge wrote it", verified, StringComparison.Ordinal);

        string Run(string command, params string[] arguments)
        {
            var packages = new Dictionary<string, string> { ["NUGET_PACKAGES"] = Path.Combine(folder, "packages") };
            using var run = command == "dotnet"
                ? Dotnet.Start(folder, folder, arguments[0] == "pack" ? null : packages, arguments)
                : Dotnet.Start(
                    Path.Combine(Package.Repository, "example-project"), folder, null, ["exec", Installed(folder), .. arguments]);
            var result = run.Wait();
            Assert.True(result.Succeeded, result.Output);
            return result.Output;
        }
    }

    private static string Installed(string folder) =>
        Directory.GetFiles(Path.Combine(folder, "bin", ".store"), "mergetasks.dll", SearchOption.AllDirectories).Single();
}
