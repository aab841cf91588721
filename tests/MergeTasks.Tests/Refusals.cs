namespace MergeTasks.Tests;

public sealed class Refusals(Package package) : IClassFixture<Package>
{
    [Theory]
    [InlineData(
        "<MergedModel Include=\"x\" Method=\"tiez\" Base=\"models/base\" /><MergeSource Include=\"models/code\" Weight=\"1\" />",
        "MTK1001")]
    [InlineData("<MergedModel Include=\"x\" Method=\"linear\" /><MergeSource Include=\"models/code\" />", "MTK1002")]
    [InlineData("<MergedModel Include=\"x\" Method=\"linear\" /><MergeSource Include=\"models/code\" Weight=\"1,5\" />", "MTK1003")]
    [InlineData("<MergedModel Include=\"x\" Method=\"linear\" /><MergeSource Include=\"models/nowhere\" Weight=\"1\" />", "MTK3001")]
    [InlineData(
        "<MergedModel Include=\"x\" Method=\"linear\" Wieght=\"1\" /><MergeSource Include=\"models/code\" Weight=\"1\" />", "MTK1008")]
    public void A_mistake_is_one_error_with_its_position(string items, string code)
    {
        using var consumer = new Consumer(package);
        consumer.Project(items);
        var result = consumer.Run("app", "build");
        Assert.False(result.Succeeded);
        Assert.Matches($@"app\.csproj\(5,\d+\): error {code}:", result.Output);
        Assert.DoesNotContain("   at ", result.Output, StringComparison.Ordinal);
        Assert.False(Directory.Exists(consumer.Output()));
    }

    [Fact]
    public void A_recipes_mistake_points_into_the_recipe()
    {
        using var consumer = new Consumer(package);
        File.WriteAllText(
            consumer["app", "bad.yml"], "merge_method: linear\nmodels:\n  - model: models/code\n    paramters:\n      weight: 1\n");
        consumer.Project("<MergedModel Include=\"bad.yml\" />");
        var result = consumer.Run("app", "build");
        Assert.False(result.Succeeded);
        Assert.Matches(@"bad\.yml\(4,5\): error MTK2002:.*parameters", result.Output);
    }
}
