namespace MergeTasks.Tests;

public sealed class Building(Package package) : IClassFixture<Package>
{
    private const string Merges = """
            <MergedModel Include="assistant" Method="ties" Base="models/base" Density="0.5" />
            <MergeSource Include="models/code" Into="assistant" Weight="0.6" />
            <MergeSource Include="models/manual" Into="assistant" Weight="0.4" />
            <MergedModel Include="average" Method="linear" />
            <MergeSource Include="models/code" Into="average" Weight="1" />
            <MergeSource Include="models/math" Into="average" Weight="1" />
            <MergedModel Include="calculator" Method="slerp" Base="assistant" T="0.5" />
            <MergeSource Include="models/math" Into="calculator" />
        """;

    [Fact]
    public void Only_what_changed_is_merged_again()
    {
        using var consumer = new Consumer(package);
        consumer.Project(Merges);
        Assert.Equal(["assistant", "average", "calculator"], consumer.Merged());
        var files = Directory.GetFiles(consumer.Output(), "*", SearchOption.AllDirectories)
            .ToDictionary(path => path, File.GetLastWriteTimeUtc);

        // Nothing changed: no merging task runs, no file is written; once that is known, the next build does not even plan.
        Assert.Empty(consumer.Merged());
        Assert.Empty(consumer.Merged());
        Assert.All(files, file => Assert.Equal(file.Value, File.GetLastWriteTimeUtc(file.Key)));

        // A new time stamp is no change.
        File.SetLastWriteTimeUtc(consumer["app", "models", "math", "model.safetensors"], DateTime.UtcNow);
        Assert.Empty(consumer.Merged());

        // A weight of one merge.
        consumer.Project(Merges.Replace("""Into="average" Weight="1" """, """Into="average" Weight="2" """, StringComparison.Ordinal));
        Assert.Equal(["average"], consumer.Merged());
        consumer.Project(Merges);
        Assert.Equal(["average"], consumer.Merged());

        // A default for all merges.
        consumer.Project(Merges, "<MergeSeed>1</MergeSeed>");
        Assert.Empty(consumer.Merged());
        Assert.Empty(consumer.Merged());
        consumer.Project(Merges, "<MergeOutDType>float32</MergeOutDType>");
        Assert.Equal(["assistant", "average", "calculator"], consumer.Merged());
        Assert.Empty(consumer.Merged());

        // A default for all items of a kind.
        const string defaults = "<ItemDefinitionGroup><MergedModel><OutDType>bfloat16</OutDType></MergedModel></ItemDefinitionGroup>";
        consumer.Project(Merges, after: defaults);
        Assert.Equal(["assistant", "average", "calculator"], consumer.Merged());
        Assert.Empty(consumer.Merged());
        Assert.Empty(consumer.Merged());

        // A file that the base model did not have.
        File.WriteAllText(consumer["app", "models", "base", "chat_template.jinja"], "{{ messages }}");
        Assert.Equal(["assistant", "calculator"], consumer.Merged());
        Assert.True(File.Exists(consumer.Output("calculator", "chat_template.jinja")));

        // An output edited by hand.
        var weights = consumer.Output("calculator", "model.safetensors");
        var bytes = File.ReadAllBytes(weights);
        var edited = (byte[])bytes.Clone();
        edited[^1] ^= 1;
        File.WriteAllBytes(weights, edited);
        Assert.Equal(["calculator"], consumer.Merged());
        Assert.Equal(bytes, File.ReadAllBytes(weights));

        // A merge that is gone takes its output along.
        consumer.Project(Merges.Split("<MergedModel Include=\"calculator\"")[0], after: defaults);
        Assert.Empty(consumer.Merged());
        Assert.False(Directory.Exists(consumer.Output("calculator")));
        Assert.True(File.Exists(consumer.Output("assistant", "model.safetensors")));

        // A build that skips merging loses nothing; clean removes everything.
        consumer.Build("-p:MergeEnabled=false");
        Assert.True(File.Exists(consumer.Output("assistant", "model.safetensors")));
        Assert.True(consumer.Run("app", "clean").Succeeded);
        Assert.False(Directory.Exists(consumer.Output("assistant")));
    }

    [Fact]
    public void Building_from_another_folder_is_the_same_build()
    {
        using var consumer = new Consumer(package);
        consumer.Project(Merges);
        Assert.Equal(["assistant", "average", "calculator"], consumer.Merged());
        foreach (var weight in new[] { "2", "3", "4" })
        {
            consumer.Project(
                Merges.Replace("""Into="average" Weight="1" """, $"""Into="average" Weight="{weight}" """, StringComparison.Ordinal));
            var result = consumer.Run(".", "build", "app");
            Assert.True(result.Succeeded, result.Output);
            Assert.Contains("average ->", result.Output, StringComparison.Ordinal);
            Assert.DoesNotContain("assistant ->", result.Output, StringComparison.Ordinal);
        }

        Assert.Empty(consumer.Merged());
        Assert.True(consumer.Run(".", "clean", "app").Succeeded);
        Assert.False(Directory.Exists(consumer.Output("average")));
    }

    [Theory]
    [InlineData("-m:1")]
    [InlineData("-mt")]
    [InlineData("-graph", "-isolate")]
    [InlineData("--no-incremental")]
    public void Every_way_to_build_makes_the_same_models(params string[] arguments)
    {
        using var consumer = new Consumer(package, compiles: true);
        consumer.Project(Merges);
        consumer.Build(arguments.Contains("-isolate") ? ["-m:1"] : []);
        var expected = File.ReadAllBytes(consumer.Output("calculator", "model.safetensors"));
        Directory.Delete(consumer.Output(), recursive: true);
        consumer.Build([.. arguments, .. arguments.Contains("-isolate") ? new[] { "--no-restore" } : []]);
        Assert.Equal(expected, File.ReadAllBytes(consumer.Output("calculator", "model.safetensors")));
    }
}
