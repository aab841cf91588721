using System.Text.RegularExpressions;

namespace MergeTasks.Tests;

/// <summary>What <c>docs/extending.md</c> shows, as users would copy it, with the packed library.</summary>
public sealed partial class Extending(Package package) : IClassFixture<Package>
{
    private static readonly string Page = File.ReadAllText(Path.Combine(Package.Repository, "docs", "extending.md"));

    [Fact]
    public void The_documented_program_merges_and_evaluates()
    {
        using var consumer = new Consumer(package, compiles: true);
        Feed(consumer);
        WriteProject(consumer, "tool", Block("csharp", "new MergeProject("), "<OutputType>Exe</OutputType>", "");
        Directory.CreateDirectory(consumer["app", "recipes"]);
        Directory.CreateDirectory(consumer["app", "data"]);
        var example = Path.Combine(Package.Repository, "example-project");
        File.Copy(Path.Combine(example, "recipes", "average.yml"), consumer["app", "recipes", "average.yml"]);
        File.WriteAllLines(consumer["app", "data", "math.jsonl"], File.ReadLines(Path.Combine(example, "models", "eval", "math.jsonl")).Take(4));

        var first = consumer.Run("tool", "run", "--", consumer["app"]);
        Assert.True(first.Succeeded, first.Output);
        Assert.Matches(@"assistant: (\d+) of \1 tensors by ties", first.Output);
        Assert.Matches(@"average: (\d+) of \1 tensors by linear", first.Output);
        Assert.Matches(@"assistant: exact match \d", first.Output);
        Assert.True(File.Exists(consumer["app", "merged", "assistant", "model.safetensors"]));

        // The whole again does nothing; a recipe that is wrong is one error that says where.
        File.AppendAllText(consumer["app", "recipes", "average.yml"], "\nmerge_metod: linear\n");
        var refused = consumer.Run("tool", "run", "--no-build", "--", consumer["app"]);
        Assert.False(refused.Succeeded);
        Assert.Matches(@"MergeException: .*average\.yml\(\d+,1\): error MTK\d+: .*merge_metod", refused.Output);
    }

    // The library is packed once for each test of this class; its dependencies are where the build of this repository has restored them.
    private void Feed(Consumer consumer)
    {
        var pack = Dotnet.Run(package.Feed, package.Feed, "pack", Path.Combine(Package.Repository, "src", "MergeTasks.Library", "MergeTasks.Library.csproj"),
            "--no-build", "-c", Package.Configuration, "-o", consumer["feed"]);
        Assert.True(pack.Succeeded, pack.Output);
        var restored = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        File.WriteAllText(consumer["nuget.config"], $"""
            <configuration>
              <packageSources><clear /><add key="local" value="{package.Feed}" /><add key="library" value="{consumer["feed"]}" /></packageSources>
              <fallbackPackageFolders><clear /><add key="restored" value="{restored}" /></fallbackPackageFolders>
            </configuration>
            """);
    }

    private void WriteProject(Consumer consumer, string name, string code, string properties, string assets)
    {
        Directory.CreateDirectory(consumer[name]);
        File.WriteAllText(consumer[name, "Code.cs"], code);
        File.WriteAllText(consumer[name, name + ".csproj"], $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <TargetFramework>net10.0</TargetFramework><ImplicitUsings>enable</ImplicitUsings><Nullable>enable</Nullable>
                <RestorePackagesPath>{consumer["packages"]}</RestorePackagesPath>{properties}
              </PropertyGroup>
              <ItemGroup><PackageReference Include="MergeTasks.Library" Version="{package.Version}" {assets} /></ItemGroup>
            </Project>
            """);
    }

    private static string Block(string language, string with) =>
        Blocks().Matches(Page).Where(block => block.Groups[1].Value == language).Select(block => block.Groups[2].Value).Single(text => text.Contains(with, StringComparison.Ordinal));

    [GeneratedRegex("```([a-z]+)\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Blocks();
}
