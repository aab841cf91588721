using System.IO.Compression;
using System.Text.Json;
using MergeTasks.TestSupport;

namespace MergeTasks.Tests;

/// <summary>Projects of other kinds than a library with one framework.</summary>
public sealed class ProjectShapes(Package package) : IClassFixture<Package>
{
    private const string Average = """
            <MergedModel Include="average" Method="linear" />
            <MergeSource Include="../app/models/code;../app/models/math" Weight="1" />
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
    public void Frameworks_may_be_empty_and_may_have_merges_of_their_own()
    {
        using var consumer = new Consumer(package);
        consumer.Project("", frameworks: "<TargetFrameworks>$(Extra);net9.0;net10.0</TargetFrameworks>", after: $"""
            {NoReferences}<ItemGroup Condition="'$(TargetFramework)' == 'net10.0'">{Average}</ItemGroup>
            <ItemGroup Condition="'$(TargetFramework)' == 'net9.0'">{Average.Replace("average", "other", StringComparison.Ordinal)}</ItemGroup>
            """);
        Built(consumer.Run("app", "build", "-t:MergeModels"));
        Assert.True(File.Exists(consumer.Output("average", "model.safetensors")));
        Assert.True(File.Exists(consumer.Output("other", "model.safetensors")));
        Built(consumer.Run("app", "pack", "-c", "Debug", "-o", consumer["packed"]));
        Assert.Equal(["content/models/average/", "content/models/other/"], Models(consumer["packed"]));

        // Another project takes the one that only the first framework makes.
        consumer.Project("""
                <MergedModel Include="final" Method="linear" />
                <MergeSource Include="../app/models/base" Weight="1" />
                <ProjectReference Include="../app/app.csproj" MergeInto="final" FromMerge="other" Weight="1" />
            """, name: "final");
        Built(consumer.Run("final", "build", "-p:BuildingInsideVisualStudio=true"));
        Directory.Delete(consumer.Output(), recursive: true);
        Built(consumer.Run("final", "build", "-graph"));
        Assert.True(File.Exists(consumer.Output("other", "model.safetensors")));
        Assert.True(File.Exists(consumer["final", "bin", "Debug", "models", "final", "model.safetensors"]));
    }

    [Fact]
    public void A_web_project_publishes_what_merges_made_and_not_what_they_read()
    {
        using var consumer = new Consumer(package, compiles: true);
        consumer.Project("""
                <MergedModel Include="code" Method="linear" />
                <MergeSource Include="models/code;models/math" Weight="1" />
            """, "<MergedModelsOutputPath>out/</MergedModelsOutputPath>", sdk: "Microsoft.NET.Sdk.Web");
        foreach (var other in new[] { "base", "manual" })
            Directory.Delete(consumer["app", "models", other], recursive: true);
        File.WriteAllText(consumer["app", "models.lock.json"], """{ "version": 1, "models": {} }""");
        File.WriteAllText(consumer["app", "appsettings.json"], "{}");
        File.WriteAllText(consumer["app", "Program.cs"], "Microsoft.AspNetCore.Builder.WebApplication.Create().Run();");

        // The second time there are outputs below the project, too.
        for (var time = 0; time < 2; time++)
        {
            Built(consumer.Run("app", "publish", "-c", "Debug", "-o", consumer["published"]));
            Assert.Equal(
                FolderContent.Of(consumer["app", "out", "code"]).Keys.Where(name => !name.Contains("owner", StringComparison.Ordinal)),
                FolderContent.Of(consumer["published", "models", "code"]).Keys);
            Assert.Equal(["code"], Directory.GetDirectories(consumer["published", "models"]).Select(Path.GetFileName));
            Assert.False(Directory.Exists(consumer["published", "out"]));
            Assert.False(File.Exists(consumer["published", "models.lock.json"]));
            Assert.True(File.Exists(consumer["published", "appsettings.json"]));
        }
    }

    [Fact]
    public void A_tool_has_its_models_once_in_the_SDKs_own_layout()
    {
        using var consumer = new Consumer(package, compiles: true);
        File.WriteAllText(
            consumer["Directory.Build.props"],
            "<Project><PropertyGroup><UseArtifactsOutput>true</UseArtifactsOutput></PropertyGroup></Project>");
        consumer.Project(Average, "<OutputType>Exe</OutputType><PackAsTool>true</PackAsTool>");
        File.WriteAllText(consumer["app", "Program.cs"], "return;");
        Built(consumer.Run("app", "pack", "-c", "Debug"));
        Assert.Equal(["debug"], Directory.GetDirectories(consumer["artifacts", "bin", "app"]).Select(Path.GetFileName));
        Assert.True(File.Exists(consumer["artifacts", "bin", "app", "debug", "models", "average", "model.safetensors"]));
        Assert.Equal(["tools/net10.0/any/models/average/"], Models(consumer["artifacts", "package", "debug"]));
    }

    // The runtime's own packages, which making the file needs, come from no folder; the SDK puts nothing into it that says this.
    [Fact]
    public void Models_lie_beside_a_single_file()
    {
        using var consumer = new Consumer(package);
        consumer.Project(Average);
        Built(consumer.Run("app", "restore"));
        var published = consumer.Run(
            "app", "build", "--no-restore", "-t:Build;ComputeResolvedFilesToPublishList", "-getItem:ResolvedFileToPublish");
        Built(published);
        using var json = JsonDocument.Parse(published.Output[published.Output.IndexOf('{', StringComparison.Ordinal)..]);
        var files = json.RootElement.GetProperty("Items").GetProperty("ResolvedFileToPublish").EnumerateArray()
            .Where(file => file.GetProperty("RelativePath").GetString()!.StartsWith("models/average/", StringComparison.Ordinal))
            .ToList();
        Assert.Contains(files, file => file.GetProperty("Filename").GetString() == "model");
        Assert.All(files, file => Assert.Equal("true", file.GetProperty("ExcludeFromSingleFile").GetString()));
    }

    [Fact]
    public void Other_languages_central_package_versions_and_two_versions_in_one_build()
    {
        using var consumer = new Consumer(package);
        File.WriteAllText(consumer["Directory.Packages.props"], $"""
            <Project>
              <PropertyGroup><ManagePackageVersionsCentrally>true</ManagePackageVersionsCentrally></PropertyGroup>
              <ItemGroup><PackageVersion Include="MergeTasks" Version="{package.Version}" /></ItemGroup>
            </Project>
            """);
        consumer.Reference = """<PackageReference Include="MergeTasks" PrivateAssets="all" />""";
        consumer.Project(Average, name: "basic", extension: ".vbproj");
        consumer.Reference = $"""<PackageReference Include="MergeTasks" VersionOverride="{OtherVersion(consumer)}" PrivateAssets="all" />""";
        consumer.Project(Average, name: "sharp", extension: ".fsproj");
        File.WriteAllText(consumer["both.proj"], """
            <Project Sdk="Microsoft.NET.Sdk" DefaultTargets="All">
              <PropertyGroup><TargetFramework>net10.0</TargetFramework></PropertyGroup>
              <ItemGroup><ProjectReference Include="basic/basic.vbproj;sharp/sharp.fsproj" ReferenceOutputAssembly="false" /></ItemGroup>
              <Target Name="All"><MSBuild Projects="@(ProjectReference)" BuildInParallel="true" /></Target>
            </Project>
            """);
        Built(consumer.Run(".", "build", "both.proj", "-m:1"));
        foreach (var name in new[] { "basic", "sharp" })
            Assert.True(File.Exists(consumer[name, "bin", "Debug", "models", "average", "model.safetensors"]));
    }

    [Fact]
    public void A_file_based_app_takes_its_merges_from_beside_it()
    {
        using var consumer = new Consumer(package, compiles: true);
        File.Delete(consumer["app", "app.csproj"]);
        File.WriteAllText(consumer["app", "app.cs"], $"""
            #:package MergeTasks@{package.Version}
            #:property RestorePackagesPath={package.Packages}
            #:property PublishAot=false
            #:property MergedModelsOutputPath=made
            System.Console.WriteLine("ran");
            """);
        File.WriteAllText(consumer["app", "Directory.Build.targets"], $"<Project><ItemGroup>{Average}</ItemGroup></Project>");

        // Not with the options of builds of projects; the SDK builds such apps in a folder of the user's.
        consumer.Variables["XDG_DATA_HOME"] = Directory.CreateDirectory(consumer["data"]).FullName;
        using var run = Dotnet.Start(consumer["."], consumer["."], consumer.Variables, "build", consumer["app", "app.cs"]);
        Built(run.Wait());
        Assert.True(File.Exists(consumer["app", "made", "average", "model.safetensors"]));
    }

    // The same package once more, of a later version.
    private string OtherVersion(Consumer consumer)
    {
        const string version = "99.0.0";
        var path = consumer[$"MergeTasks.{version}.nupkg"];
        File.Copy(Directory.GetFiles(package.Feed, "MergeTasks.*.nupkg").Single(), path);
        using var archive = ZipFile.Open(path, ZipArchiveMode.Update);
        var entry = archive.GetEntry("MergeTasks.nuspec")!;
        string text;
        using (var reader = new StreamReader(entry.Open()))
            text = reader.ReadToEnd();
        entry.Delete();
        using (var writer = new StreamWriter(archive.CreateEntry("MergeTasks.nuspec").Open()))
            writer.Write(text.Replace($"<version>{package.Version}<", $"<version>{version}<", StringComparison.Ordinal));
        File.WriteAllText(
            consumer["nuget.config"],
            $"""<configuration><packageSources><clear /><add key="local" value="{package.Feed}" /><add key="other" value="{consumer["."]}" /></packageSources></configuration>""");
        return version;
    }

    private static IReadOnlyList<string> Models(string folder)
    {
        using var archive = ZipFile.OpenRead(Directory.GetFiles(folder, "*.nupkg").Single());
        return [
            .. archive.Entries.Where(entry => entry.Name == "model.safetensors")
                .Select(entry => entry.FullName[..^entry.Name.Length])
                .Order(StringComparer.Ordinal)];
    }

    private static void Built(BuildResult result) => Assert.True(result.Succeeded, result.Output);
}
