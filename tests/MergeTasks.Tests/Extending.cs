using System.Text.RegularExpressions;
using MergeTasks.TestSupport;

namespace MergeTasks.Tests;

/// <summary>What <c>docs/extending.md</c> shows, as users would copy it, with the packed library.</summary>
public sealed partial class Extending(Package package) : IClassFixture<Package>
{
    private static readonly string Page = File.ReadAllText(Path.Combine(Package.Repository, "docs", "extending.md"));

    // Packed once; its dependencies are where the build of this repository has restored them.
    private static readonly Lazy<string> Library = new(() =>
    {
        var feed = RunFolder.Of("library-feed");
        var project = Path.Combine(Package.Repository, "src", "MergeTasks.Library", "MergeTasks.Library.csproj");
        var pack = Dotnet.Run(feed, feed, "pack", project, "--no-build", "-c", Package.Configuration, "-o", feed);
        Assert.True(pack.Succeeded, pack.Output);
        return feed;
    });

    [Fact]
    public void The_documented_program_merges_and_evaluates()
    {
        using var consumer = new Consumer(package, compiles: true);
        Feed(consumer);
        WriteProject(consumer, "tool", Block("csharp", ".Evaluation("), "<OutputType>Exe</OutputType>", "");
        Directory.CreateDirectory(consumer["app", "recipes"]);
        Directory.CreateDirectory(consumer["app", "data"]);
        var example = Path.Combine(Package.Repository, "example-project");
        File.Copy(Path.Combine(example, "recipes", "average.yml"), consumer["app", "recipes", "average.yml"]);
        File.WriteAllLines(
            consumer["app", "data", "math.jsonl"], File.ReadLines(Path.Combine(example, "models", "eval", "math.jsonl")).Take(4));

        var first = consumer.Run("tool", "run", "--", consumer["app"]);
        Assert.True(first.Succeeded, first.Output);
        Assert.Matches(@"assistant: (\d+) of \1 tensors by ties", first.Output);
        Assert.Matches(@"average: (\d+) of \1 tensors by linear", first.Output);
        Assert.Matches(@"assistant: exact match \d", first.Output);
        Assert.True(File.Exists(consumer["app", "merged", "assistant", "model.safetensors"]));

        // A search finds settings, and the merge is made with them.
        File.Copy(
            Path.Combine(example, "models", "eval", "math.jsonl"), consumer["app", "data", "math.jsonl"], overwrite: true);
        WriteProject(consumer, "search", Block("csharp", ".SearchFor("), "<OutputType>Exe</OutputType>", "");
        var searched = consumer.Run("search", "run", "--", consumer["app"]);
        Assert.True(searched.Succeeded, searched.Output);
        var found = Regex.Match(searched.Output, @"searched: Method=(\S+), Lambda=([0-9.]+), held out -?\d");
        Assert.True(found.Success, searched.Output);
        Assert.Contains(
            $"merge_method: {found.Groups[1].Value}", File.ReadAllText(consumer["app", "merged", "searched", "README.md"]),
            StringComparison.Ordinal);

        // The whole again does nothing; a recipe that is wrong is one error that says where.
        File.AppendAllText(consumer["app", "recipes", "average.yml"], "\nmerge_metod: linear\n");
        var refused = consumer.Run("tool", "run", "--no-build", "--", consumer["app"]);
        Assert.False(refused.Succeeded);
        Assert.Matches(@"MergeException: .*average\.yml\(\d+,1\): error MTK\d+: .*merge_metod", refused.Output);
    }

    [Fact]
    public void The_documented_method_merges_and_its_faults_are_diagnostics()
    {
        using var consumer = new Consumer(package, compiles: true);
        Feed(consumer);
        var code = Block("csharp", "MedianMethod");
        WriteProject(consumer, "methods", code, "", """ExcludeAssets="runtime" """);
        consumer.Project($"""
            {Block("xml", "<MergeMethod").Replace("models/base", "models/code", StringComparison.Ordinal)}
            <MergeSource Include="models/code" Into="middle" />
            <MergeSource Include="models/manual" Into="middle" />
            <MergeSource Include="models/math" Into="middle" />
            """);

        Assert.Equal(["middle"], consumer.Merged());
        Assert.Empty(consumer.Merged());
        Assert.Equal(Median("model.norm.weight"), Tensor(consumer.Output("middle"), "model.norm.weight"));

        // Other code, other keys; what it throws is an error that says where.
        File.WriteAllText(
            consumer["methods", "Code.cs"], code.Replace("mean += ", "mean += (float)int.Parse(\"1x\") * ", StringComparison.Ordinal));
        var failed = consumer.Run("app", "build");
        Assert.False(failed.Succeeded);
        Assert.Matches(
            @"app\.csproj\(\d+,\d+\): error MTK4010: Merge 'middle', tensor '[^']+' \[[\d, ]+\]: method 'median' of '[^']*methods\.dll' failed: FormatException: .*Code\.cs:\d+\)", failed.Output);

        // A parameter that it does not declare, and a value outside of its limits.
        var project = File.ReadAllText(consumer["app", "app.csproj"]);
        File.WriteAllText(
            consumer["app", "app.csproj"], project.Replace("Pull=\"0.1\"", "Pull=\"2\" Density=\"1\"", StringComparison.Ordinal));
        var refused = consumer.Run("app", "build", "-t:ValidateMerges");
        Assert.Matches(@"error MTK\d+: .*'pull'.*\b2\b", refused.Output);
        Assert.Contains("the method 'median' has no parameter 'density'", refused.Output, StringComparison.Ordinal);

        float[] Median(string name)
        {
            var models = new[] { "code", "manual", "math" }.Select(model => Tensor(consumer["app", "models", model], name)).ToList();
            return [.. models[0].Select((_, i) =>
            {
                var values = models.Select(model => model[i]).Order().ToArray();
                var mean = values.Aggregate(0f, (sum, value) => sum + (value / 3));
                return Rounded(values[1] + (0.1f * (mean - values[1])));
            })];
        }

        // To bf16, from the middle to the even one.
        static float Rounded(float value)
        {
            var bits = BitConverter.SingleToUInt32Bits(value);
            return BitConverter.UInt32BitsToSingle((bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000);
        }

        static float[] Tensor(string folder, string name) => [.. TestCheckpoint.Read(folder)[name] switch
        {
            { DType: "BF16" } tensor =>
                System.Runtime.InteropServices.MemoryMarshal
                    .Cast<byte, ushort>(tensor.Bytes)
                    .ToArray()
                    .Select(bits => BitConverter.UInt32BitsToSingle((uint)bits << 16)),
            { } tensor => throw new InvalidOperationException(tensor.DType),
        }];
    }

    private void Feed(Consumer consumer)
    {
        var restored = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        File.WriteAllText(consumer["nuget.config"], $"""
            <configuration>
              <packageSources><clear /><add key="local" value="{package.Feed}" /><add key="library" value="{Library.Value}" /></packageSources>
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
        Blocks()
            .Matches(Page)
            .Where(block => block.Groups[1].Value == language)
            .Select(block => block.Groups[2].Value)
            .Single(text => text.Contains(with, StringComparison.Ordinal));

    [GeneratedRegex("```([a-z]+)\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Blocks();
}
