using System.Security.Cryptography;
using MergeTasks.Caching;
using MergeTasks.Caching.Remote;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Build;
using MergeTasks.Merging.Measuring;
using MergeTasks.Merging.Tests.Importance;
using MergeTasks.TestSupport;
using MergeTasks.TestSupport.Servers;

namespace MergeTasks.Merging.Tests.Distributed;

/// <summary>Machines that share nothing but a server: what one has scored, the others do not.</summary>
public sealed class SharedScoresOfMachines
{
    private static readonly (string, string)[] Settings =
        [("Aim", "0.4"), ("Calibration", "data/calibration.txt"), ("AimBlock", "16"), ("Apl", "layer")];

    [Fact]
    public void The_second_machine_runs_no_model_and_makes_the_same_bytes()
    {
        using var cache = new LoopbackCache();
        var warnings = new List<Diagnostic>();
        using var first = Machine(cache.Address, warnings);
        using var second = Machine(cache.Address, warnings);
        Assert.NotEmpty(first.Run());
        Assert.All(
            second.Space.Build().ExplainScores(second.Space.State("m"), default),
            line => Assert.EndsWith(": cached", line, StringComparison.Ordinal));
        Assert.Empty(second.Run());
        Assert.Equal(FolderContent.Of(first.Space.Output("m")), FolderContent.Of(second.Space.Output("m")));
        Assert.Empty(warnings);

        // Another's entry, valid in itself, in the place of each: all are computed, and one warning tells of it.
        var results = cache.Entries.Where(entry => entry.Key.StartsWith("/ac/", StringComparison.Ordinal)).ToList();
        for (var i = 0; i < results.Count; i++)
            cache.Entries[results[i].Key] = results[(i + 1) % results.Count].Value;
        using var third = Machine(cache.Address, warnings);
        Assert.NotEmpty(third.Run());
        Assert.Equal(FolderContent.Of(first.Space.Output("m")), FolderContent.Of(third.Space.Output("m")));
        Assert.Equal((DiagnosticCode.SharedEntryRefused, true), (Assert.Single(warnings).Code, warnings[0].IsWarning));
    }

    [Fact]
    public void An_entry_that_says_what_it_should_and_holds_something_else_is_made_instead()
    {
        using var cache = new LoopbackCache();
        var warnings = new List<Diagnostic>();
        using var machine = Machine(cache.Address, warnings);
        var file = Path.Combine(machine.Space.Folder, "lie.safetensors");
        foreach (var request in machine.Space.State("m").Plan.Importance!.Requests)
        {
            ScoreFile.Write(file, request.Key, [("nothing", [1])]);
            var content = File.ReadAllBytes(file);
            cache.Entries[$"/ac/{request.Key.Digest}"] =
                new ActionResult(new ContentDigest(SHA256.HashData(content)), content.Length).ToBytes();
            cache.Entries[$"/cas/{Convert.ToHexStringLower(SHA256.HashData(content))}"] = content;
        }

        Assert.NotEmpty(machine.Run());
        Assert.Equal(DiagnosticCode.SharedEntryRefused, Assert.Single(warnings).Code);
    }

    [Fact]
    public void A_cache_that_is_down_costs_one_warning()
    {
        var cache = new LoopbackCache();
        var warnings = new List<Diagnostic>();
        using var machine = Machine(cache.Address, warnings);
        cache.Dispose();
        Assert.NotEmpty(machine.Run());
        Assert.True(machine.Space.State("m").IsFresh);
        Assert.Equal((DiagnosticCode.SharedCacheUnusable, true), (Assert.Single(warnings).Code, warnings[0].IsWarning));
    }

    private static ScoredProject Machine(string address, List<Diagnostic> warnings)
    {
        var project = new ScoredProject("llama-A", "a", "b");
        project.Space.SharedScores = SharedScores.Open(address, false, warnings.Add);
        project.Declare("ties", ["a", "b"], Settings);
        return project;
    }
}
