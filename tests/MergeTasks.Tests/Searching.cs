using System.Text.RegularExpressions;

namespace MergeTasks.Tests;

/// <summary>A search of settings, and builds with what it found.</summary>
public sealed class Searching(Package package) : IClassFixture<Package>
{
    [Fact]
    public void A_build_uses_what_a_search_found_and_says_when_it_was_for_something_else()
    {
        using var consumer = new Consumer(package);
        Directory.CreateDirectory(consumer["app", "data"]);
        var samples = File.ReadLines(Path.Combine(Package.Repository, "example-project", "models", "data", "math.jsonl")).Take(24).ToList();
        File.WriteAllLines(consumer["app", "data", "math.jsonl"], samples);

        Declare(consumer, "Lamda");
        var refused = consumer.Run("app", "build", "-t:SearchMerges");
        Assert.False(refused.Succeeded);
        Assert.Matches(@"app\.csproj\(9,\d+\): error MTK1040:.*'Lambda'", refused.Output);
        Assert.False(File.Exists(consumer["app", "assistant.search.json"]));

        // One run does both, as a search in front of a build does.
        Declare(consumer, "Lambda");
        var searched = consumer.Build("-t:SearchMerges;Build", "-v:n").Output;
        Assert.Contains("candidate 2 of 2: Lambda=", searched, StringComparison.Ordinal);
        Assert.Contains("| **assistant, best** |", searched, StringComparison.Ordinal);
        Assert.DoesNotContain("MTK5021", searched, StringComparison.Ordinal);
        var found = File.ReadAllText(consumer["app", "assistant.search.json"]);
        var lambda = Regex.Match(found, """"value": "(0\.\d+)"""").Groups[1].Value;
        Assert.Contains($"lambda: {lambda}", File.ReadAllText(consumer.Output("assistant", "README.md")), StringComparison.Ordinal);

        File.WriteAllLines(consumer["app", "data", "math.jsonl"], samples.Skip(1));
        var outdated = consumer.Build("-v:m").Output;
        Assert.Matches(@"app\.csproj\(8,\d+\): warning MTK5021:.*'data/math\.jsonl' changed", outdated);
        Assert.Equal(found, File.ReadAllText(consumer["app", "assistant.search.json"]));
    }

    private static void Declare(Consumer consumer, string axis) => consumer.Project($"""
            <MergedModel Include="assistant" Method="task_arithmetic" Base="models/base" />
            <MergeSource Include="models/code" Weight="1" />
            <MergeSource Include="models/math" Weight="1" />
            <MergeSearch Include="assistant" Evaluate="data/math.jsonl" Budget="2" Objective="mean-log-probability" />
            <MergeSearchAxis Include="{axis}" Range="0.3..0.8" />
        """);
}
