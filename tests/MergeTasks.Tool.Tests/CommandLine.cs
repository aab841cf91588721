using MergeTasks.Library;
using MergeTasks.TestSupport;
using MergeTasks.Tool.Terminal;

namespace MergeTasks.Tool.Tests;

/// <summary>What holds for all commands, and those that compute.</summary>
public sealed class CommandLine : IDisposable
{
    private static readonly string[] Commands = [
        "cache", "diff", "evaluate", "inspect", "merge", "plan", "report", "score", "search", "verify"
    ];
    private static readonly string Models = Path.Combine(RepositoryFolder.Root, "example-project", "models");

    private readonly ToolFolder _folder = new();

    [Fact]
    public void Usage_is_an_exit_code_of_its_own()
    {
        foreach (var wrong in new string[][] { ["bogus"], ["inspect"], ["diff", "a"], ["evaluate", "a"], ["inspect", "a", "--bogus"],
            ["evaluate", "a", "--data", "b", "--tokens-per-text", "0"], ["merge", "recipe.yml"] })
            Assert.Equal(ExitCode.Usage, _folder.Run(wrong).Code);
        Assert.Equal(ExitCode.Done, _folder.Run("--help").Code);
        Assert.Matches(@"^\d+\.\d+\.\d+", _folder.Run("--version").Output);
        foreach (var command in Commands)
            Assert.Contains("--json", _folder.Run(command, "--help").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Shells_complete_commands_and_options()
    {
        Assert.Empty(Commands.Except(Suggested("")));
        Assert.Equal(["merge"], Suggested("mer"));
        Assert.Contains("--random-seed", Suggested("merge recipe.yml out --ran"));
        Assert.DoesNotContain("--cuda", Suggested("merge recipe.yml out --"));

        string[] Suggested(string line) =>
            _folder.Run($"[suggest:{line.Length}]", line).Output
                .Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
    }

    [Fact]
    public void Evaluations_are_those_of_a_build()
    {
        var data = _folder.File("math.jsonl", string.Join('\n', File.ReadLines(Path.Combine(Models, "eval", "math.jsonl")).Take(6)));
        var told = _folder.Run("evaluate", Path.Combine(Models, "base"), Path.Combine(Models, "math"), "--data", data, "--json");
        Assert.Equal(ExitCode.Done, told.Code);
        var results = told.Json.GetProperty("results").EnumerateArray().ToList();
        var project = new MergeProject(_folder["."], "merged") { CacheFolder = _folder["cache"] }
            .Merge("m", ("Method", "linear"), ("Base", Path.Combine(Models, "base")), ("Weight", "1"))
            .Source(Path.Combine(Models, "math"))
            .Evaluation(data);
        project.Run();
        var own = project.Evaluate().Skip(1).ToDictionary(figures => Path.GetFileName(figures.Model));
        Assert.All(results, result =>
        {
            var same = own[Path.GetFileName(result.GetProperty("model").GetString()!)];
            Assert.Equal(same.LogProbability, result.GetProperty("meanLogProbability").GetDouble());
            Assert.Equal((same.Value, same.Count), (result.GetProperty("value").GetDouble(), result.GetProperty("count").GetInt64()));
        });
        Assert.Equal(2, results.Count);
        Assert.Contains("MTK5002", _folder.Run("evaluate", Path.Combine(Models, "base"), "--data", "nowhere").Error, StringComparison.Ordinal);

        // Kept in the cache, which says how much that is, and can be emptied.
        Assert.True(_folder.Run("cache", "--json").Json.GetProperty("scores").GetInt32() >= 2);
        Assert.Equal(ExitCode.Done, _folder.Run("cache", "--clean").Code);
        Assert.Equal(0, _folder.Run("cache", "--json").Json.GetProperty("scores").GetInt32());
    }

    [Fact]
    public void Scores_are_computed_once()
    {
        var recipe = _folder.File("recipe.yml", $$"""
            merge_method: linear
            base_model: {{Models}}/base
            models:
              - model: {{Models}}/math
                parameters: {weight: 1}
            aim: {omega: 0.4, calibration: text.txt, block: 16}
            """);
        _folder.File("text.txt", string.Join("\n\n", Enumerable.Repeat("Some words.", 20)));
        Assert.Equal(ExitCode.Done, _folder.Run("score", recipe).Code);
        Assert.Equal(1, _folder.Run("cache", "--json").Json.GetProperty("scores").GetInt32());
        Assert.Equal(ExitCode.Done, _folder.Run("score", recipe).Code);
    }

    [Fact]
    public void A_search_writes_a_recipe_with_what_it_found()
    {
        var recipe = _folder.File("recipe.yml", $$"""
            merge_method: task_arithmetic
            base_model: {{Models}}/base
            models:
              - model: {{Models}}/math
              - model: {{Models}}/kind
            parameters: {weight: 1}
            name: other
            """);
        var data = _folder.File("math.jsonl", string.Join('\n', File.ReadLines(Path.Combine(Models, "eval", "math.jsonl")).Take(24)));
        string[] search = ["search", recipe, "--evaluate", data, "--axis", "Lambda=0.3..0.8"];
        var told = _folder.Run([.. search, $"Weight of {Models}/kind=0.1..0.9 log", "--budget", "4", "--json"]);
        Assert.Equal((ExitCode.Done, ""), (told.Code, told.Code == ExitCode.Done ? "" : told.Error));
        Assert.Contains("candidate 4 of 4: ", told.Error, StringComparison.Ordinal);
        var found = told.Json.GetProperty("settings").EnumerateArray()
            .ToDictionary(setting => setting.GetProperty("name").GetString()!, setting => setting.GetProperty("value").GetString());
        Assert.Equal("best", told.Json.GetProperty("figures").EnumerateArray().Last().GetProperty("model").GetString());
        Assert.True(File.Exists(told.Json.GetProperty("record").GetString()));

        // The recipe is one that merges.
        var written = File.ReadAllText(_folder["recipe.search.yml"]);
        Assert.Contains($"lambda: {found["Lambda"]}", written, StringComparison.Ordinal);
        Assert.Contains($"weight: {found["Weight"]}", written, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Done, _folder.Run("plan", "recipe.search.yml").Code);

        Assert.Contains(
            $"{Path.GetFileName(recipe)}: error MTK1040", _folder.Run([.. search[..^1], "Lamda=0.3..0.8"]).Error, StringComparison.Ordinal);
        Assert.Contains("MTK1041", _folder.Run([.. search[..^1], "Lambda"]).Error, StringComparison.Ordinal);

        var several = File.ReadAllText(_folder["recipe.yml"]) + "\n---\nmerge_method: passthrough\nmodels: [{model: other}]\n";
        _folder.File("two.yml", several);
        Assert.Contains("two.yml: error MTK1042: A recipe of several documents", _folder.Run(["search", "two.yml", .. search[2..]]).Error, StringComparison.Ordinal);

        // What somebody wrote is left alone.
        _folder.File("recipe.search.yml", "merge_method: linear\n");
        Assert.Contains("MTK7002", _folder.Run(search).Error, StringComparison.Ordinal);
        Assert.Equal("merge_method: linear\n", File.ReadAllText(_folder["recipe.search.yml"]));
    }

    [Fact]
    public void Progress_says_share_speed_and_time_left()
    {
        Assert.Equal(
            "m: merging, 25 %, 500 bytes/s, 00:00:06 left",
            ProgressLine.Describe(new MergeProgressed("m", "merging", 1000, 4000), TimeSpan.FromSeconds(2)));
        Assert.Equal(
            "m: base: activations, 50 %, 2,000 tokens/s, 00:00:02 left",
            ProgressLine.Describe(new MergeProgressed("m", "base: activations", 4000, 8000), TimeSpan.FromSeconds(2)));
        Assert.Equal("m: base: gradients", ProgressLine.Describe(new MergeProgressed("m", "base: gradients", 0, 0), TimeSpan.Zero));
    }

    public void Dispose() => _folder.Dispose();
}
