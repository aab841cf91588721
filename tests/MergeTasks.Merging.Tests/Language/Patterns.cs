using MergeTasks.Language.Declarations;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Language;

/// <summary>Patterns in a project file that stand for no item, which MSBuild drops without a word.</summary>
public sealed class Patterns : IDisposable
{
    private readonly TempFolder _folder = new();

    public Patterns()
    {
        foreach (var model in new[] { "base", "code" })
            Directory.CreateDirectory(_folder["models", model]);
        Directory.CreateDirectory(_folder["recipes", "deep"]);
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("<MergeSource Include=\"models/*\" />", "models/base;models/code")]
    [InlineData("<MergeSource Include=\"a;models\\c?de/\" />", "models/code")]
    [InlineData("<MergeSource Include=\"mdoels/*\" />", "nothing")]
    [InlineData("<MergedModel Include=\"recipes/*.yml\" />", "nothing")]
    [InlineData("<MergedModel Include=\"recipes/**/*.yaml\" />", null)]
    [InlineData("<MergedModel Include=\"recipes\\**\\one.*\" />", null)]
    [InlineData("<MergeSource Include=\"models/*\" Condition=\"Exists('models')\" />", null)]
    [InlineData("<MergeSource Include=\"$(Folder)/*\" />", null)]
    [InlineData("<MergeSource Include=\"nuget:Id/1.%2A\" />", null)]
    [InlineData("<MergeSource Include=\"models/*\" Exclude=\"models/code\" />", null)]
    [InlineData("<Other Include=\"models/*\" />", null)]
    public void They_are_told_with_the_folders_that_were_meant(string item, string? told)
    {
        File.WriteAllText(_folder["p.csproj"], $"<Project>\n<ItemGroup>\n{item}</ItemGroup></Project>");
        var found = DeclaredPatterns.Unmatched(
            _folder["p.csproj"],
            [new DeclaredItem("MergedModel", "recipes/deep/one.yaml", new Dictionary<string, string>(), _folder["p.csproj"])],
            ["MergedModel", "MergeSource"]).ToList();
        if (told is null)
            Assert.Empty(found);
        else
            Assert.Contains(told, Assert.Single(found).Message, StringComparison.Ordinal);
        Assert.All(found, diagnostic => Assert.Equal((3, false), (diagnostic.Location!.Line, diagnostic.IsWarning)));
    }
}
