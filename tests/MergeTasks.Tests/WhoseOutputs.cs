using MergeTasks.TestSupport;

namespace MergeTasks.Tests;

/// <summary>Which builds may remove what other builds have made. Whose an output is, the faster tests of the records attack.</summary>
public sealed class WhoseOutputs(Package package) : IClassFixture<Package>
{
    private const string Average = """
            <MergedModel Include="average" Method="linear" />
            <MergeSource Include="models/code;models/math" Into="average" Weight="1" />
        """;

    // What names a framework whose reference assemblies are not here, and needs none of them.
    private const string NoReferences = """
          <PropertyGroup Condition="'$(TargetFramework)' == 'net9.0'">
            <DisableImplicitFrameworkReferences>true</DisableImplicitFrameworkReferences>
            <GenerateAssemblyInfo>false</GenerateAssemblyInfo>
            <GenerateTargetFrameworkAttribute>false</GenerateTargetFrameworkAttribute>
          </PropertyGroup>
        """;

    [Fact]
    public void A_command_that_does_not_build_and_a_design_time_build_delete_nothing()
    {
        using var consumer = new Consumer(package, compiles: true);
        consumer.Project("", "<MergeModelsDependsOn>AddThem</MergeModelsDependsOn>", $"""
              <Target Name="AddThem" Condition="'$(Without)' == ''"><ItemGroup>{Average}</ItemGroup></Target>
            """);
        Assert.Equal(["average"], consumer.Merged());
        var before = FolderContent.StampsOf(consumer.Output("average"));

        // What a target of the project adds is published and packed without a build too.
        var published = consumer.Run("app", "publish", "--no-build", "-c", "Debug", "-o", consumer["published"]);
        Assert.True(published.Succeeded, published.Output);
        Assert.True(File.Exists(consumer["published", "models", "average", "model.safetensors"]));
        var packed = consumer.Run("app", "pack", "--no-build", "-c", "Debug", "-o", consumer["packed"]);
        Assert.True(packed.Succeeded, packed.Output);
        using (var archive = System.IO.Compression.ZipFile.OpenRead(Directory.GetFiles(consumer["packed"], "*.nupkg").Single()))
        {
            Assert.Contains(archive.Entries, entry => entry.FullName == "content/model/model.safetensors");
            Assert.DoesNotContain(archive.Entries, entry => entry.FullName.Contains("owner", StringComparison.Ordinal));
        }

        // Nor does one that does not see the merge at all delete it.
        Built(consumer.Run("app", "publish", "--no-build", "-c", "Debug", "-p:Without=true", "-o", consumer["published"]));
        consumer.Build("-p:DesignTimeBuild=true", "-p:SkipCompilerExecution=true", "-t:Clean;MergeModels");
        Assert.Equal(before, FolderContent.StampsOf(consumer.Output("average")));
        consumer.Build("-p:Without=true");
        Assert.False(Directory.Exists(consumer.Output("average")));
    }

    [Theory]
    [InlineData("net10.0;net9.0")]
    [InlineData("net9.0;net10.0")]
    public void Merges_of_one_framework_survive_the_other_frameworks_build(string frameworks)
    {
        using var consumer = new Consumer(package);
        consumer.Project("", frameworks: $"<TargetFrameworks>{frameworks}</TargetFrameworks>", after: $"""
            {NoReferences}<ItemGroup Condition="'$(TargetFramework)' == 'net10.0'">{Average}</ItemGroup>
            """);
        Assert.Equal(["average"], consumer.Merged());
        Assert.True(File.Exists(consumer.Output("average", "model.safetensors")));
        Assert.Empty(consumer.Merged());
        Built(consumer.Run("app", "clean"));
        Assert.False(Directory.Exists(consumer.Output("average")));
    }

    [Fact]
    public void Each_framework_may_have_an_output_path_of_its_own()
    {
        using var consumer = new Consumer(package);
        consumer.Project(Average, frameworks: "<TargetFrameworks>net10.0;net9.0</TargetFrameworks>", after: $"""
            {NoReferences}<PropertyGroup><MergedModelsOutputPath>out/$(TargetFramework)/</MergedModelsOutputPath></PropertyGroup>
            """);
        Assert.Equal(["average", "average"], consumer.Merged("-m:2"));
        Assert.Empty(consumer.Merged("-m:2"));
        Assert.Equal(FolderContent.Of(consumer["app", "out", "net9.0"]), FolderContent.Of(consumer["app", "out", "net10.0"]));
        Assert.NotEmpty(FolderContent.Of(consumer["app", "out", "net10.0"]));
    }

    [Fact]
    public void Two_projects_in_one_folder_and_a_copy_of_both_leave_each_other_alone()
    {
        using var consumer = new Consumer(package);
        consumer.Project(Average);
        consumer.Project(Average.Replace("average", "other", StringComparison.Ordinal), name: "second");
        File.Move(consumer["second", "second.csproj"], consumer["app", "second.csproj"]);
        foreach (var project in new[] { "app", "second" })
            Built(consumer.Run("app", "restore", $"{project}.csproj"));
        foreach (var project in new[] { "app", "second", "app" })
            Built(consumer.Run("app", "build", $"{project}.csproj"));
        Assert.Equal(
            ["average", "other"],
            Directory.GetDirectories(consumer.Output()).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal));
        var before = FolderContent.StampsOf(consumer.Output("average"));

        // An absolute path in what lies below obj, and any other line there, deletes nothing.
        var bystander = consumer["app", "bin", "Debug", "net10.0", "bystander.txt"];
        File.WriteAllText(bystander, "x");
        File.AppendAllText(
            consumer["app", "obj", "merges", "Debug", "outputs.txt"],
            $"{bystander}\n/\napp.csproj\toutput\t{consumer.Output("average")}\n");
        Copy(consumer["app"], consumer["copy"]);
        var copied = consumer.Run("copy", "build", "app.csproj");
        Assert.True(copied.Succeeded, copied.Output);
        Assert.True(File.Exists(consumer["copy", "bin", "Debug", "models", "average", "model.safetensors"]));
        Built(consumer.Run("copy", "clean", "app.csproj"));
        Assert.False(Directory.Exists(consumer["copy", "bin", "Debug", "models", "average"]));
        Assert.Equal(before, FolderContent.StampsOf(consumer.Output("average")));
        Built(consumer.Run("app", "clean", "second.csproj"));
        Assert.False(Directory.Exists(consumer.Output("other")));
        Assert.Equal(before, FolderContent.StampsOf(consumer.Output("average")));
        Built(consumer.Run("app", "clean", "app.csproj"));
        Assert.False(Directory.Exists(consumer.Output("average")));
        Assert.True(File.Exists(bystander));
    }

    private static void Built(BuildResult result) => Assert.True(result.Succeeded, result.Output);

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.GetFiles(from))
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        foreach (var folder in Directory.GetDirectories(from))
            Copy(folder, Path.Combine(to, Path.GetFileName(folder)));
    }
}
