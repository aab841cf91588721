using System.Text.Json;

namespace MergeTasks.Tests;

/// <summary>The targets that a user or another target calls by name.</summary>
public sealed class Targets(Package package) : IClassFixture<Package>
{
    private const string Merges = """
            <MergedModel Include="average" Method="linear" />
            <MergeSource Include="models/code;models/math" Into="average" Weight="1" />
        """;

    [Fact]
    public void Plan_says_what_would_be_done_and_why_and_does_nothing()
    {
        using var consumer = new Consumer(package);
        consumer.Project(Merges);
        Assert.Contains("average: 47 of 47 tensors to merge by linear", Plan(consumer), StringComparison.Ordinal);
        Assert.False(Directory.Exists(consumer.Output()));
        consumer.Build();
        Assert.Contains("average: up to date", Plan(consumer), StringComparison.Ordinal);
        consumer.Project(Merges.Replace("linear\" ", "linear\" Normalize=\"false\" ", StringComparison.Ordinal));
        Assert.Contains("normalize", Plan(consumer), StringComparison.Ordinal);
        File.Delete(consumer.Output("average", "tokenizer.json"));
        Assert.Contains("tokenizer.json", Plan(consumer), StringComparison.Ordinal);
    }

    [Fact]
    public void Stages_of_one_recipe_are_printed_built_in_order_and_only_the_last_is_published()
    {
        using var consumer = new Consumer(package);
        consumer.Project("""<MergedModel Include="final.yml" />""");
        File.WriteAllText(consumer["app", "final.yml"], """
            name: step
            merge_method: linear
            models:
              - {model: models/code, parameters: {weight: 1}}
              - {model: models/math, parameters: {weight: 1}}
            ---
            merge_method: slerp
            base_model: models/base
            models:
              - model: step
            parameters:
              t: [0, 1]
            keep_tensors: "*.mlp.*"
            """);
        var plan = Plan(consumer);
        Assert.Matches(@"final: model\.layers\.\*\.[^\n]*:\s*\n\s*final:   layer 0 +t=0", plan);
        Assert.Contains("taken from one model as they are", plan, StringComparison.Ordinal);
        Assert.Equal(["final", "step"], consumer.Merged());
        Assert.Empty(consumer.Merged());
        var published = consumer.Run("app", "publish", "-o", consumer["published"]);
        Assert.True(published.Succeeded, published.Output);
        Assert.True(File.Exists(consumer["published", "models", "final", "model.safetensors"]));
        Assert.False(Directory.Exists(consumer["published", "models", "step"]));
        File.WriteAllText(
            consumer["app", "final.yml"],
            File.ReadAllText(consumer["app", "final.yml"]).Replace("[0, 1]", "[0, 0.5]", StringComparison.Ordinal));
        Assert.Equal(["final"], consumer.Merged());
    }

    [Fact]
    public void Validate_reports_mistakes_and_writes_nothing()
    {
        using var consumer = new Consumer(package);
        consumer.Project(Merges);
        var valid = consumer.Run("app", "build", "-t:ValidateMerges");
        Assert.True(valid.Succeeded, valid.Output);
        Assert.Contains("valid: average", valid.Output, StringComparison.Ordinal);
        var weights = consumer["app", "models", "math", "model.safetensors"];
        File.WriteAllBytes(weights, File.ReadAllBytes(weights)[..^10]);
        var broken = consumer.Run("app", "build", "-t:ValidateMerges");
        Assert.Matches(@"app\.csproj\(6,\d+\): error MTK3004: .*truncated", broken.Output);
        Assert.False(Directory.Exists(consumer.Output()));
    }

    [Fact]
    public void GetMergedModels_makes_and_returns_them()
    {
        using var consumer = new Consumer(package);
        consumer.Project(Merges);
        Assert.True(consumer.Run("app", "restore").Succeeded);
        var result = consumer.Run("app", "build", "--no-restore", "-getTargetResult:GetMergedModels", "-t:GetMergedModels");
        using var json = JsonDocument.Parse(result.Output[result.Output.IndexOf('{', StringComparison.Ordinal)..]);
        var model = json.RootElement.GetProperty("TargetResults").GetProperty("GetMergedModels").GetProperty("Items")[0];
        Assert.Equal(consumer.Output("average"), model.GetProperty("Identity").GetString());
        Assert.Equal("average", model.GetProperty("MergedModelName").GetString());
        Assert.True(File.Exists(consumer.Output("average", "model.safetensors")));
    }

    [Fact]
    public void Rebuild_merges_again()
    {
        using var consumer = new Consumer(package);
        consumer.Project(Merges);
        Assert.Equal(["average"], consumer.Merged());
        Assert.Equal(["average"], consumer.Merged("-t:Rebuild"));
    }

    [Fact]
    public void Publishing_and_packing_carry_the_models_that_want_it()
    {
        using var consumer = new Consumer(package, compiles: true);
        consumer.Project(Merges + """
                <MergedModel Include="private" Method="linear" CopyToPublishDirectory="never" Pack="false" />
                <MergeSource Include="models/code" Into="private" Weight="1" />
                <MergedModel Update="average" Export="gguf" GgufType="Q8_0" />
            """);
        var published = consumer.Run("app", "publish", "-o", consumer["published"]);
        Assert.True(published.Succeeded, published.Output);
        Assert.True(File.Exists(consumer["published", "models", "average", "model.safetensors"]));
        Assert.True(File.Exists(consumer["published", "models", "average", "average-Q8_0.gguf"]));
        Assert.False(Directory.Exists(consumer["published", "models", "private"]));
        var packed = consumer.Run("app", "pack", "-o", consumer["packed"]);
        Assert.True(packed.Succeeded, packed.Output);
        using var archive = System.IO.Compression.ZipFile.OpenRead(Directory.GetFiles(consumer["packed"], "*.nupkg").Single());
        Assert.Contains(archive.Entries, entry => entry.FullName == "content/model/model.safetensors");
        Assert.Contains(archive.Entries, entry => entry.FullName == "content/model/average-Q8_0.gguf");
        Assert.DoesNotContain(archive.Entries, entry => entry.FullName.Contains("private", StringComparison.Ordinal));

        // Nothing is packed or published that has not been made.
        File.Delete(consumer["app", "bin", "Release", "models", "average", "model.safetensors"]);
        var incomplete = consumer.Run("app", "pack", "--no-build", "-o", consumer["packed again"]);
        Assert.Contains("error MTK7004", incomplete.Output, StringComparison.Ordinal);
    }

    private static string Plan(Consumer consumer)
    {
        var result = consumer.Run("app", "build", "-t:PlanMerges");
        Assert.True(result.Succeeded, result.Output);
        return result.Output;
    }
}
