using System.Globalization;
using System.Runtime.InteropServices;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Build;
using MergeTasks.Merging.Tests.Importance;
using MergeTasks.TestSupport;
using MergeTasks.TestSupport.Servers;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Statistics;

namespace MergeTasks.Merging.Tests.Distributed;

/// <summary>Scores that machines compute piece by piece are, bit for bit, those that one machine computes.</summary>
public sealed class PiecesOfScores
{
    [Fact]
    public void Pieces_of_many_machines_are_the_whole_of_one()
    {
        using var one = Machine(null);
        one.Run();
        using var cache = new LoopbackCache();
        var pieces = new MergeScorer(Machine(cache.Address).Space.Build()).Pieces(default);
        var exact = pieces.Where(piece => piece.Request.Phase.Contains("of each tensor, piece", StringComparison.Ordinal)).ToList();
        Assert.InRange(exact.Count, 2, 64);
        Assert.Equal(Enumerable.Range(1, pieces.Count), pieces.Select(piece => piece.Number));
        Assert.All(pieces, piece => Assert.All(piece.After, before => Assert.InRange(before, 1, piece.Number - 1)));
        Assert.Contains(pieces, piece => piece.After.Count > 0);

        // In three shares, that with a piece that needs the others' first.
        var lost = exact[1].Request.Key.Digest;
        var needing = pieces.First(piece => piece.After.Count > 0).Number;
        foreach (var own in Enumerable.Range(needing, 3).Select(number => number % 3))
        {
            using var machine = Machine(cache.Address);
            new MergeScorer(machine.Space.Build())
                .Run(all => all.Where(piece => piece.Number % 3 == own), false, MergeProgress.None, default);
        }

        // What needed the others' pieces was left, and is made in a second round.
        using (var machine = Machine(cache.Address))
        {
            Assert.Contains(new MergeScorer(machine.Space.Build()).Pieces(default), piece => !piece.IsCached && piece.After.Count > 0);
            Assert.All(
                new MergeScorer(machine.Space.Build()).Run(all => all, false, MergeProgress.None, default),
                run => Assert.True(run.IsThere));
        }

        // What needed the whole has put that together, and is lost, too.
        Assert.True(cache.Entries.Remove($"/ac/{lost}"));
        var whole = one.Manifest()["importance"]!["scores"]!.AsArray().Single(score =>
            (string)score!["score"]! == "exact importance of each tensor" && (string)score["model"]! == exact[1].Request.Model.Label);
        Assert.True(cache.Entries.Remove($"/ac/{whole!["key"]}"));
        using var last = Machine(cache.Address);
        Assert.Single(new MergeScorer(last.Space.Build()).Pieces(default), piece => !piece.IsCached);
        Assert.NotEmpty(last.Run());
        Assert.Equal(FolderContent.Of(one.Space.Output("m")), FolderContent.Of(last.Space.Output("m")));
        foreach (var level in new[] { "layer", "tensor" })
        {
            Assert.Equal(
                one.Score($"exact importance of each {level}", "a")["parts"].Bytes,
                last.Score($"exact importance of each {level}", "a")["parts"].Bytes);
        }

        // All there: nothing runs.
        using var next = Machine(cache.Address);
        Assert.Empty(next.Run());
    }

    [Theory]
    [InlineData("mean-abs")]
    [InlineData("gradient")]
    public void Sums_over_groups_of_samples_are_the_whole_of_one(string statistic)
    {
        using var one = Sampled(null, statistic);
        one.Run();
        using var cache = new LoopbackCache();
        var pieces = new MergeScorer(Sampled(cache.Address, statistic).Space.Build()).Pieces(default);
        foreach (var score in new[] { "activations", "importance by gradient", "log-probability of its samples" })
            Assert.InRange(pieces.Count(piece => piece.Request.Phase.StartsWith($"{score}, piece", StringComparison.Ordinal)), 2, 64);
        foreach (var share in new[] { 1, 0 })
        {
            using var machine = Sampled(cache.Address, statistic);
            new MergeScorer(machine.Space.Build())
                .Run(all => all.Where(piece => piece.Number % 2 == share), false, MergeProgress.None, default);
        }

        // One is lost, and made by the last machine, with the model of which nothing else runs.
        var lost = pieces.First(piece => piece.Request.Phase.StartsWith("activations, piece", StringComparison.Ordinal)).Request;
        Assert.True(cache.Entries.Remove($"/ac/{lost.Key.Digest}"));
        using var last = Sampled(cache.Address, statistic);
        var ran = last.Run();
        Assert.DoesNotContain("backward a", ran);
        Assert.Equal(lost.Work().Tokens, last.Engine.Tokens[statistic == "gradient" ? "backward" : "observe"]);
        Assert.Equal(FolderContent.Of(one.Space.Output("m")), FolderContent.Of(last.Space.Output("m")));
        foreach (var (score, model) in new[]
        {
            ("activations", "base"), ("importance by gradient", "a"), ("log-probability of its samples", "a")
        })
            Assert.Equal(
                one.Score(score, model).ToDictionary(list => list.Key, list => Convert.ToHexString(list.Value.Bytes)),
                last.Score(score, model).ToDictionary(list => list.Key, list => Convert.ToHexString(list.Value.Bytes)));
        if (statistic == "mean-abs")
            AssertMeans(one);
    }

    [Fact]
    public void An_output_that_is_up_to_date_has_no_pieces()
    {
        using var one = Machine(null);
        one.Run();
        Assert.Empty(new MergeScorer(one.Space.Build()).Pieces(default));
    }

    private static ScoredProject Machine(string? address)
    {
        var project = Sharing(address, "a", "b");
        project.Declare(
            "passthrough", ["a"], ("Apl", "layer"), ("AplScoring", "exact"), ("AplVerify", "true"), ("AplBudget", "per-parameter"));
        return project;
    }

    private static ScoredProject Sharing(string? address, params string[] models)
    {
        var project = new ScoredProject("llama-A", models);
        project.Space.SharedScores = address is null ? null : SharedScores.Open(address, false, warning => Assert.Fail(warning.Message));
        return project;
    }

    // A text and tasks of some thousand tokens, which are several groups.
    private static ScoredProject Sampled(string? address, string statistic)
    {
        var project = Sharing(address, "a");
        File.WriteAllText(project.Data("calibration.txt"), WordTokenizer.Documents(1, 300, 24, project.Vocabulary));
        project.WriteTask("a", 5, 1600);
        project.DeclareAsIs(
            "passthrough",
            ["a"],
            ("Aim", "0.4"),
            ("AimStatistic", statistic),
            ("Calibration", "data/calibration.txt"),
            ("AimBlock", "24"),
            ("AimSamples", "1000"),
            ("Apl", "layer"),
            ("AplDensity", "0.5"),
            ("AplRescale", "none"));
        return project;
    }

    private static void AssertMeans(ScoredProject project)
    {
        var statistics = new ChannelStatistics();
        using var engine = TestedEngines.Open(TestedEngines.Processor).Load(Path.GetDirectoryName(project.Model("base"))!);
        foreach (var document in File.ReadAllLines(project.Data("calibration.txt")).Where(line => line.Length > 0))
        {
            int[] ids = [.. document.Split(' ').Select(word => int.Parse(word[1..], CultureInfo.InvariantCulture))];
            engine.Observe(TokenBatch.Of([ids]), statistics);
        }

        var lists = project.Score("activations", "base");
        Assert.Equal(statistics.Modules.Order(), lists.Keys.Order());
        foreach (var (module, list) in lists)
        {
            foreach (var (own, expected) in MemoryMarshal.Cast<byte, double>(list.Bytes).ToArray().Zip(statistics[module].MeanAbsolute()))
                Assert.Equal(expected, own, 1e-5 * expected);
        }
    }
}
