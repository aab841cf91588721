using System.IO.Compression;
using System.Text.RegularExpressions;

namespace MergeTasks.Tests;

/// <summary>
/// References between projects: those that give models, which give nothing else, and plain ones, which merges must not get in the way of.
/// </summary>
public sealed class OtherProjects(Package package) : IClassFixture<Package>
{
    private const string Chat = """
            <MergedModel Include="chat" Method="linear" />
            <MergeSource Include="../app/models/code;../app/models/manual" Weight="1" />
        """;

    private const string Final = """
            <MergedModel Include="final" Method="slerp" Base="../app/models/base" T="0.3" />
            <ProjectReference Include="../chat/chat.csproj" MergeInto="final" As="chat" />
        """;

    private const string Average = """
            <MergedModel Include="average" Method="linear" />
            <MergeSource Include="models/code;models/math" Weight="1" />
        """;

    [Fact]
    public void Plain_references_to_projects_without_merges_build_as_graphs()
    {
        using var consumer = new Consumer(package);
        Plain(consumer, "lib", "");
        consumer.Project(Average + """<ProjectReference Include="../lib/lib.csproj" />""");
        consumer.Build("-graph");
        Directory.Delete(consumer.Output(), recursive: true);
        Directory.Delete(consumer["lib", "bin"], recursive: true);
        Assert.Equal(["average"], consumer.Merged("-graph", "-isolate", "--no-restore"));
        Assert.True(File.Exists(consumer["lib", "bin", "Debug", "net10.0", "lib.dll"]));
    }

    [Fact]
    public void Where_references_are_not_built_their_models_are_taken_as_they_are()
    {
        using var consumer = new Consumer(package, compiles: true);
        consumer.Project(Chat, name: "chat");
        consumer.Project(Final, name: "final");
        var early = consumer.Run("final", "build", "-p:BuildingInsideVisualStudio=true");
        Assert.Matches(@"final\.csproj\(6,\d+\): error MTK7004: .*'chat' of '\.\./chat/chat\.csproj' has not been made", early.Output);
        Built(consumer.Run("chat", "build"));
        foreach (var argument in new[] { "-p:BuildingInsideVisualStudio=true", "--no-dependencies" })
        {
            Built(consumer.Run("final", "build", argument));
            Assert.True(File.Exists(Model(consumer, "final")));
            Directory.Delete(consumer["final", "bin", "Debug", "models"], recursive: true);
        }

        Built(consumer.Run("final", "build"));
        Built(consumer.Run("final", "publish", "--no-build", "-c", "Debug", "-o", consumer["published"]));
        Assert.True(File.Exists(consumer["published", "models", "final", "model.safetensors"]));
        Assert.Empty(Directory.GetFiles(consumer["published"], "chat.*"));
        Assert.Empty(Directory.GetFiles(consumer["final", "bin"], "chat.*", SearchOption.AllDirectories));

        // The other project is no dependency of the package.
        Built(consumer.Run("final", "pack", "--no-build", "-c", "Debug", "-o", consumer["packed"]));
        using var archive = ZipFile.OpenRead(Directory.GetFiles(consumer["packed"], "*.nupkg").Single());
        using var nuspec = new StreamReader(archive.Entries.Single(entry => entry.Name == "final.nuspec").Open());
        Assert.DoesNotContain("<dependency ", nuspec.ReadToEnd(), StringComparison.Ordinal);
    }

    [Fact]
    public void As_an_SDK_restore_too_knows_that_a_model_is_no_dependency()
    {
        using var consumer = new Consumer(package, compiles: true);
        consumer.Variables["NUGET_PACKAGES"] = package.Packages;
        consumer.Project(Chat, name: "chat");
        File.WriteAllText(consumer["chat", "Chatter.cs"], "public class Chatter;");

        // Of an older framework, which could not refer to the other project.
        consumer.Reference = "";
        consumer.Project(Final, name: "final", frameworks: "<TargetFramework>net9.0</TargetFramework>", after: $"""
              <Sdk Name="MergeTasks" Version="{package.Version}" />
              <PropertyGroup>
                <DisableImplicitFrameworkReferences>true</DisableImplicitFrameworkReferences><NoCompilerStandardLib>false</NoCompilerStandardLib>
                <GenerateAssemblyInfo>false</GenerateAssemblyInfo><GenerateTargetFrameworkAttribute>false</GenerateTargetFrameworkAttribute>
                <NoStdLib>true</NoStdLib><DisableStandardFrameworkResolution>true</DisableStandardFrameworkResolution>
              </PropertyGroup>
              <Target Name="CoreCompile"><WriteLinesToFile File="@(IntermediateAssembly)" Lines="not compiled" /></Target>
            """, properties: "<ProduceReferenceAssembly>false</ProduceReferenceAssembly><DebugType>none</DebugType>");
        Built(consumer.Run("final", "build"));
        Assert.True(File.Exists(Model(consumer, "final", "net9.0")));
        Assert.DoesNotContain("chat", File.ReadAllText(consumer["final", "obj", "project.assets.json"]), StringComparison.Ordinal);
    }

    [Fact]
    public void A_project_further_on_sees_nothing_of_it()
    {
        using var consumer = new Consumer(package, compiles: true);
        consumer.Variables["NUGET_PACKAGES"] = package.Packages;
        consumer.Project(Chat, name: "chat");
        File.WriteAllText(consumer["chat", "Chatter.cs"], "public class Chatter;");
        consumer.Reference = "";
        consumer.Project(Final, name: "final", after: $"""<Sdk Name="MergeTasks" Version="{package.Version}" />""");
        Plain(consumer, "user", """<ProjectReference Include="../final/final.csproj" />""");
        File.WriteAllText(consumer["user", "User.cs"], "public class User { public Chatter? Talk; }");
        Assert.Contains("error CS0246", consumer.Run("user", "build").Output, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(consumer["user", "bin"], "chat.*", SearchOption.AllDirectories));
    }

    [Fact]
    public void A_reference_that_gives_no_model_is_an_error_where_it_stands()
    {
        using var consumer = new Consumer(package);
        consumer.Project(Chat, name: "chat");
        consumer.Project("", name: "none");
        consumer.Project(Chat, "<MergeEnabled>false</MergeEnabled>", name: "disabled");
        Plain(consumer, "plain", "");
        consumer.Project("""
                <MergedModel Include="final" Method="linear" />
                <ProjectReference Include="../chat/chat.csproj" MergeInto="final" FromMerge="chta" Weight="1" />
                <ProjectReference Include="../none/none.csproj" MergeInto="final" Weight="1" />
                <ProjectReference Include="../disabled/disabled.csproj" MergeInto="final" Weight="1" />
                <ProjectReference Include="../plain/plain.csproj" MergeInto="final" Weight="1" />
            """, name: "final");
        var result = consumer.Run("final", "build");
        Assert.False(result.Succeeded);
        Assert.Matches(@"final\.csproj\(6,\d+\): error MTK1015: .*'chta'\. Did you mean 'chat'\?", result.Output);
        for (var line = 7; line <= 9; line++)
            Assert.Matches($@"final\.csproj\({line},\d+\): error MTK1015:", result.Output);
        Assert.Equal(4, Regex.Count(result.Output.Split("Build FAILED")[0], "error "));

        // One that is told to give a model after the package was evaluated gives it.
        consumer.Project("""
                <MergedModel Include="final" Method="linear" />
                <MergeSource Include="../app/models/base" Weight="1" />
                <ProjectReference Include="../chat/chat.csproj" />
            """, name: "late");
        File.WriteAllText(consumer["late", "Directory.Build.targets"], """
            <Project>
              <Import Project="../Directory.Build.targets" />
              <ItemGroup><ProjectReference Update="@(ProjectReference)" MergeInto="final" Weight="1" /></ItemGroup>
            </Project>
            """);
        Built(consumer.Run("late", "build"));
        Assert.Contains("chat", File.ReadAllText(consumer["late", "bin", "Debug", "models", "final", "README.md"]), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(consumer["late", "bin"], "chat.*", SearchOption.AllDirectories));
    }

    private static string Model(Consumer consumer, string name, string _ = "") =>
        consumer[name, "bin", "Debug", "models", name, "model.safetensors"];

    private static void Plain(Consumer consumer, string name, string items)
    {
        var reference = consumer.Reference;
        consumer.Reference = "";
        consumer.Project(items, name: name);
        consumer.Reference = reference;
    }

    private static void Built(BuildResult result) => Assert.True(result.Succeeded, result.Output);
}
