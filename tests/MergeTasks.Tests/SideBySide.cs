using MergeTasks.TestSupport;

namespace MergeTasks.Tests;

/// <summary>
/// Builds that share what they make: inner builds, projects that use each other's merges, and two builds of one project at once.
/// </summary>
public sealed class SideBySide(Package package) : IClassFixture<Package>
{
    private const string Merges = """
            <MergedModel Include="average" Method="linear" />
            <MergeSource Include="models/code;models/math" Into="average" Weight="1" />
            <MergedModel Include="calculator" Method="slerp" Base="average" T="0.5" />
            <MergeSource Include="models/manual" Into="calculator" />
        """;

    // The older framework's reference assemblies are not part of the SDK, and nothing here needs them.
    private const string NoReferences = """
          <PropertyGroup Condition="'$(TargetFramework)' == 'net9.0'">
            <DisableImplicitFrameworkReferences>true</DisableImplicitFrameworkReferences>
            <GenerateAssemblyInfo>false</GenerateAssemblyInfo>
            <GenerateTargetFrameworkAttribute>false</GenerateTargetFrameworkAttribute>
          </PropertyGroup>
        """;

    [Fact]
    public void Inner_builds_share_one_merge()
    {
        using var consumer = new Consumer(package);
        consumer.Project(Merges, frameworks: "<TargetFrameworks>net10.0;net9.0</TargetFrameworks>", after: NoReferences);
        Assert.Equal(["average", "calculator"], consumer.Merged());
        Assert.Empty(consumer.Merged());
        Assert.Empty(consumer.Merged("-graph"));
        var planned = consumer.Run("app", "build", "-t:PlanMerges");
        Assert.Contains("average: up to date", planned.Output, StringComparison.Ordinal);
        var published = consumer.Run("app", "publish", "-f", "net10.0", "-o", consumer["published"]);
        Assert.True(published.Succeeded, published.Output);
        Assert.True(File.Exists(consumer["published", "models", "average", "model.safetensors"]));
        Assert.True(consumer.Run("app", "clean").Succeeded);
        Assert.False(Directory.Exists(consumer.Output("average")));
    }

    [Theory]
    [InlineData]
    [InlineData("-graph", "-isolate", "--no-restore")]
    [InlineData("-mt")]
    public void Another_projects_merge_is_a_source(params string[] arguments)
    {
        using var consumer = new Consumer(package);
        consumer.Project("""
                <MergedModel Include="chat" Method="linear" />
                <MergeSource Include="../app/models/code;../app/models/manual" Weight="1" />
            """, name: "chat");
        consumer.Project("""
                <MergedModel Include="final" Method="slerp" Base="models/base" T="0.3" />
                <ProjectReference Include="../chat/chat.csproj" MergeInto="final" As="chat" />
            """);
        Assert.True(consumer.Run("app", "restore").Succeeded);
        Assert.Equal(["chat", "final"], consumer.Merged(arguments));
        Assert.Empty(consumer.Merged(arguments));
        Assert.Contains("chat", File.ReadAllText(consumer.Output("final", "README.md")), StringComparison.Ordinal);
        Assert.False(File.Exists(consumer["app", "bin", "Debug", "net10.0", "chat.dll"]));

        // What changes in the other project is merged here again.
        consumer.Project("""
                <MergedModel Include="chat" Method="linear" Normalize="false" />
                <MergeSource Include="../app/models/code;../app/models/manual" Weight="0.4" />
            """, name: "chat");
        Assert.Equal(["chat", "final"], consumer.Merged(arguments));
    }

    [Fact]
    public void Two_builds_of_one_project_at_once_both_succeed()
    {
        using var consumer = new Consumer(package);
        consumer.Project(Merges);
        consumer.Build();
        var expected = FolderContent.Of(consumer.Output());
        for (var round = 0; round < 2; round++)
        {
            Directory.Delete(consumer.Output(), recursive: true);
            using var one = consumer.Start("build", "--no-restore");
            using var other = consumer.Start("build", "--no-restore");
            foreach (var result in new[] { one.Wait(), other.Wait() })
                Assert.True(result.Succeeded, result.Output);
            Assert.Equal(expected, FolderContent.Of(consumer.Output()));
        }

        Assert.Empty(consumer.Merged());
    }
}
