using System.Text.RegularExpressions;

namespace MergeTasks.Tests;

/// <summary>AIM and APL as a phase of the build.</summary>
public sealed class Scoring(Package package) : IClassFixture<Package>
{
    [Fact]
    public void A_build_scores_what_the_cache_lacks_and_plans_say_why()
    {
        using var consumer = new Consumer(package);
        foreach (var file in new[] { "calibration.jsonl", "math.jsonl" })
        {
            Directory.CreateDirectory(consumer["app", "data"]);
            var all = Path.Combine(Package.Repository, "example-project", "models", "data", file);
            File.WriteAllLines(consumer["app", "data", file], File.ReadLines(all).Take(24));
        }

        var first = Declare(consumer, "0.4").Build("-v:n").Output;
        Assert.Matches(@"assistant: scoring, [2-9] scores, about [0-9,]+ tokens through models\.", first);
        Assert.Contains("assistant: scoring models/base: activations", first, StringComparison.Ordinal);
        Assert.Contains("assistant: scoring models/math: importance by gradient", first, StringComparison.Ordinal);
        Assert.Contains("| layer | `models/math` |", File.ReadAllText(consumer.Output("assistant", "README.md")), StringComparison.Ordinal);

        Assert.DoesNotContain("scoring", Declare(consumer, "0.2").Build("-v:m").Output, StringComparison.Ordinal);
        Assert.Empty(consumer.Merged());
        Assert.DoesNotContain("scoring", consumer.Build("-v:m", "-t:Rebuild").Output, StringComparison.Ordinal);
        var refreshed = consumer.Build("-v:n", "-t:Rebuild", "-p:MergeCache=refresh").Output;
        Assert.Contains("assistant: scoring models/base: activations", refreshed, StringComparison.Ordinal);
        Assert.Contains("assistant: scoring models/math: importance by gradient", refreshed, StringComparison.Ordinal);

        File.AppendAllText(consumer["app", "data", "math.jsonl"], """{"prompt": "1 + 1 =", "target": " 2"}""" + "\n");
        var plan = consumer.Run("app", "msbuild", "-t:PlanMerges", "-v:m").Output;
        Assert.Contains("because 'data/math.jsonl' changed.", plan, StringComparison.Ordinal);
        Assert.Matches(@"assistant: to run: models/math, importance by gradient: 1 forward and backward pass × \d+ tokens\.", plan);
        Assert.Matches(@"assistant: to run: \d scores, about \d+ tokens in all\.", plan);
        Assert.Contains("assistant: scores for models/base (activations): cached.", plan, StringComparison.Ordinal);
        Assert.Contains(
            "assistant: scores for models/math (importance by gradient): stale because data/math.jsonl changed.",
            plan,
            StringComparison.Ordinal);

        var evaluated = consumer.Run("app", "build", "-t:EvaluateMerges", "-v:m");
        Assert.True(evaluated.Succeeded, evaluated.Output);
        Assert.Contains("math: exact match, nll", evaluated.Output, StringComparison.Ordinal);
        Assert.Contains("| base (base) ", evaluated.Output, StringComparison.Ordinal);
        Assert.Contains("## Evaluation", File.ReadAllText(consumer.Output("assistant", "README.md")), StringComparison.Ordinal);
        Assert.Contains("<h2>Evaluation</h2>", File.ReadAllText(consumer.Output("assistant") + ".report.html"), StringComparison.Ordinal);
        var failed = consumer.Run("app", "build", "-t:EvaluateMerges", "-v:m", "-p:Demand=1");
        Assert.False(failed.Succeeded);
        Assert.Contains("error MTK5009", failed.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("scoring", failed.Output, StringComparison.Ordinal);

        // Where the terminal logger is used, which shows no messages of tasks, table and errors come as a test run's, and once.
        var terminal = consumer.Run("app", "build", "-t:EvaluateMerges", "-v:m", "-p:Demand=1", "-p:_MSBUILDTLENABLED=1");
        Assert.False(terminal.Succeeded);
        Assert.Single(Regex.Matches(terminal.Output, @"\| base \(base\) "));
        Assert.Matches(@"error MTK5009: .*evaluation\.proj", terminal.Output);

        Assert.True(consumer.Run("app", "msbuild", "-t:CleanMergeCache").Succeeded);
        Assert.False(Directory.Exists(consumer["cache", "scores"]));

        // From the command line a path reaches every project of the build, and means the same in each.
        consumer.Build("-v:m", "-t:Rebuild", "-p:MergeCachePath=own");
        Assert.True(Directory.Exists(consumer["app", "own", "scores"]));
        Assert.Equal([consumer["app", "own"]], Directory.GetDirectories(consumer["app"], "own", SearchOption.AllDirectories));
    }

    private static Consumer Declare(Consumer consumer, string omega)
    {
        consumer.Project($"""
                <MergedModel Include="assistant" Method="task_arithmetic" Base="models/base"
                             Aim="{omega}" Calibration="data/calibration.jsonl" AimBlock="128" Apl="layer" AplDensity="0.5" AplRescale="none" SelfCheck="false" />
                <MergeSource Include="models/math" Weight="1" TaskData="data/math.jsonl" />
                <MergeEvaluation Include="data/math.jsonl" MinExactMatch="$(Demand)" />
            """, "<MergeCachePath>../cache</MergeCachePath>");
        return consumer;
    }
}
