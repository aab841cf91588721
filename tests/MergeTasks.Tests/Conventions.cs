using System.IO.Compression;
using System.Text.Json;
using MergeTasks.TestSupport.Servers;
using Microsoft.Build.Logging.StructuredLogger;

namespace MergeTasks.Tests;

/// <summary>What people expect of any build: its words for warnings and copying, its hooks, paths, feeds, and what editors ask of it.</summary>
public sealed class Conventions(Package package) : IClassFixture<Package>
{
    private const string Average = """
            <MergedModel Include="average" Method="linear" />
            <MergeSource Include="models/code;models/math" Into="average" Weight="1" />
        """;

    [Fact]
    public void What_a_project_says_of_warnings_holds_for_every_phase()
    {
        using var consumer = new Consumer(package);
        File.WriteAllText(consumer["no folder"], "");
        consumer.Variables["MERGETASKS_CACHE"] = consumer["no folder", "cache"];
        consumer.Project(Average, "<NoWarn>$(NoWarn);MTK6001</NoWarn>");
        Assert.DoesNotContain("MTK6001", consumer.Build().Output, StringComparison.Ordinal);
        Directory.Delete(consumer.Output(), recursive: true);
        consumer.Project(Average, "<MSBuildTreatWarningsAsErrors>true</MSBuildTreatWarningsAsErrors><TreatWarningsAsErrors>true</TreatWarningsAsErrors>");
        for (var time = 0; time < 2; time++)
            Assert.Contains("error MTK6001", consumer.Run("app", "build").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Hooks_are_the_projects_and_models_are_copied_as_other_items_are()
    {
        using var consumer = new Consumer(package);
        consumer.Project("""
                <MergedModel Include="average" Method="linear" CopyToOutputDirectory="PreserveNewest" CopyToPublishDirectory="never" Pack="FALSE" />
                <MergeSource Include="models/code;models/math" Into="average" Weight="1" />
            """, "<MergeModelsDependsOn>First</MergeModelsDependsOn>", """
              <Target Name="First"><Message Importance="high" Text="it is First" /></Target>
              <Target Name="BeforeMergeModels"><Message Importance="high" Text="it is Before" /></Target>
              <Target Name="AfterMergeModels"><Message Importance="high" Text="it is After" /></Target>
            """);
        consumer.Project("""<ProjectReference Include="../app/app.csproj" />""", name: "user");
        var log = consumer["hooks.binlog"];
        var built = consumer.Run("user", "build", $"-bl:{log}");
        Built(built);
        Assert.Matches("(?s)it is First.*it is Before.*average ->.*it is After", built.Output);
        foreach (var project in new[] { "app", "user" })
            Assert.True(File.Exists(consumer[project, "bin", "Debug", "net10.0", "models", "average", "model.safetensors"]), built.Output);

        // What the terminal shows while merging is for people.
        var build = BinaryLog.ReadBuild(log);
        var planned = build.FindChildrenRecursive<Microsoft.Build.Logging.StructuredLogger.Task>(
            task => task.Name is "PlanMerges" or "RestoreModels" or "MergeTensors");
        Assert.NotEmpty(planned);
        Assert.All(planned, task => Assert.DoesNotContain("_", task.GetNearestParent<Target>().Name, StringComparison.Ordinal));

        // Neither of the two other ways; and clean leaves nothing.
        Built(consumer.Run("app", "publish", "--no-build", "-c", "Debug", "-o", consumer["published"]));
        Assert.False(Directory.Exists(consumer["published", "models"]));
        Built(consumer.Run("app", "clean"));
        Assert.False(Directory.Exists(consumer.Output()));
        Assert.Empty(Directory.GetFiles(consumer["app", "bin"], "*.safetensors", SearchOption.AllDirectories));
    }

    [Fact]
    public void Relative_paths_begin_at_the_project_and_hooks_on_the_command_line_replace_nothing()
    {
        using var consumer = new Consumer(package);
        consumer.Project(Average, after: """<Target Name="Mine" />""");
        foreach (var arguments in new string[][] { ["-mt"], [] })
        {
            Built(consumer.Run(
                ".", ["build", "app", "-p:MergedModelsOutputPath=out/", "-p:MergeCachePath=own", "-p:MergeModelsDependsOn=Mine", .. arguments]));
            Assert.True(File.Exists(consumer["app", "out", "average", "model.safetensors"]));
            Assert.True(Directory.Exists(consumer["app", "own"]));
            Assert.False(Directory.Exists(consumer["out"]) || Directory.Exists(consumer["own"]));
            Directory.Delete(consumer["app", "out"], recursive: true);
        }
    }

    [Fact]
    public void Editors_hear_of_recipes_data_and_models_before_and_after_the_first_build()
    {
        using var consumer = new Consumer(package);
        File.WriteAllText(
            consumer["app", "recipe.yml"],
            "merge_method: linear\nmodels:\n  - model: models/manual\n    parameters: {weight: 1}\n  - model: models/math\n    "
                + "parameters: {weight: 1}\n");
        File.WriteAllText(consumer["app", "eval.jsonl"], """{"text": "x"}""");
        consumer.Project(Average + """
                <MergedModel Include="recipe.yml" />
                <MergeEvaluation Include="eval.jsonl" Into="average" />
            """);
        Built(consumer.Run("app", "restore"));
        string[] known = [consumer["app", "models", "code", "model.safetensors"], consumer["app", "recipe.yml"], consumer["app", "eval.jsonl"]];
        AssertTold(known, [consumer.Output("recipe", "merge.manifest.json")]);
        consumer.Build("--no-restore");
        AssertTold([.. known, consumer["app", "models", "manual", "tokenizer_config.json"]], [consumer.Output("recipe", "merge.manifest.json")]);

        void AssertTold(string[] inputs, string[] outputs)
        {
            var told = consumer.Run("app", "msbuild", "-getItem:UpToDateCheckInput,UpToDateCheckBuilt,Watch");
            Built(told);
            using var json = JsonDocument.Parse(told.Output[told.Output.IndexOf('{', StringComparison.Ordinal)..]);
            foreach (var item in new[] { "UpToDateCheckInput", "Watch" })
                Assert.Subset(Paths(json, item), inputs.ToHashSet());
            Assert.Subset(Paths(json, "UpToDateCheckBuilt"), outputs.ToHashSet());
        }

        static HashSet<string> Paths(JsonDocument json, string item) =>
            [.. json.RootElement.GetProperty("Items").GetProperty(item).EnumerateArray().Select(one => one.GetProperty("FullPath").GetString()!)];
    }

    [Fact]
    public void A_pattern_that_drops_every_source_is_an_error()
    {
        using var consumer = new Consumer(package);
        consumer.Project("""
                <MergedModel Include="average" Method="linear" />
                <MergeSource Include="models/*" Into="average" Weight="1" />
            """);
        Assert.Matches(
            @"app\.csproj\(6,\d+\): error MTK1016: .*Include=""models/base;models/code;models/manual;models/math""",
            consumer.Run("app", "build").Output);
    }

    [Fact]
    public void Feeds_that_the_project_or_the_command_line_names_are_asked_for_models()
    {
        using var consumer = new Consumer(package);
        foreach (var (feed, id, model) in new[] { ("first", "Contoso.Code", "code"), ("second", "Contoso.Math", "math") })
        {
            Directory.CreateDirectory(consumer[feed]);
            File.WriteAllBytes(consumer[feed, $"{id}.1.0.0.nupkg"], TestPackage.Of(
                id,
                "1.0.0",
                Directory.GetFiles(consumer["app", "models", model])
                    .Select(path => ("content/model/" + Path.GetFileName(path), File.ReadAllBytes(path)))));
        }

        const string items = """
                <MergedModel Include="average" Method="linear" />
                <MergeSource Include="nuget:Contoso.Code/1.0.0;nuget:Contoso.Math/1.0.0" Weight="1" />
            """;
        consumer.Project(items, "<RestoreAdditionalProjectSources>../first</RestoreAdditionalProjectSources>");
        Built(consumer.Run("app", "restore", "--source", package.Feed, "--source", consumer["second"]));
        Built(consumer.Run("app", "build", "--no-restore"));
        Assert.True(File.Exists(consumer.Output("average", "model.safetensors")));
    }

    private static void Built(BuildResult result) => Assert.True(result.Succeeded, result.Output);
}
