using MergeTasks.Library;
using MergeTasks.TestSupport;
using MergeTasks.Tool.Terminal;

namespace MergeTasks.Tool.Tests;

/// <summary>What holds for all commands, and those that compute.</summary>
public sealed class CommandLine : IDisposable
{
    private static readonly string[] Commands = ["cache", "diff", "evaluate", "inspect", "merge", "plan", "report", "score", "verify"];
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
