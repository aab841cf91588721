using MergeTasks.Caching;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Build;
using MergeTasks.Merging.Tests.Interrupted;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Importance;

/// <summary>What runs again when something changes, and what does not.</summary>
public sealed class CachedScores
{
    private static readonly string[] Models = ["a", "b", "c"];

    private static readonly (string, string)[] Both =
        [("Aim", "0.4"), ("Calibration", "data/calibration.txt"), ("AimBlock", "16"), ("Apl", "model;layer"), ("AplDensity", "0.5")];

    [Fact]
    public void Changing_what_acts_after_scoring_runs_no_model()
    {
        using var project = Scored();
        foreach (var (name, value) in new[]
        {
            ("Aim", "0.2"),
            ("AimScaling", "exponential"),
            ("AplDensity", "0.3"),
            ("AplTau0", "2"),
            ("AplTau1", "0.5"),
            ("Seed", "7"),
            ("AplRescale", "false"),
            ("AplDrop", "magnitude"), ("Apl", "hidden"), ("AplTau2", "3"),
        })
        {
            var before = FolderContent.Of(project.Space.Output("m"));
            project.Declare("linear", Models, [.. Both.Where(pair => pair.Item1 != name), (name, value)]);
            Assert.Empty(project.Run());
            Assert.NotEqual(before, FolderContent.Of(project.Space.Output("m")));
        }

        project.Space.Clear();
        project.Space.Merge("m", [("Method", "linear"), ("Base", "models/base"), .. FirstVersion.With(Both)]);
        foreach (var model in Models)
            project.Space.Source("models/" + model, ("Weight", "0.1"), ("TaskData", $"data/{model}.jsonl"));
        Assert.Empty(project.Run());
    }

    [Fact]
    public void Changing_one_fine_tuned_model_scores_that_one_again()
    {
        using var project = Scored();
        var weights = File.ReadAllBytes(project.Model("b"));
        weights[^2] ^= 1;
        File.WriteAllBytes(project.Model("b"), weights);
        Assert.Contains(
            new MergeScorer(project.Space.Build()).Explain(project.Space.State("m"), default),
            line => line == "scores for models/a (importance by gradient): cached");
        Assert.Contains(
            new MergeScorer(project.Space.Build()).Explain(project.Space.State("m"), default),
            line => line == "scores for models/b (importance by gradient): stale because models/b changed");
        Assert.Equal(["backward base"], project.Run());
        Assert.Empty(project.Run());
    }

    [Fact]
    public void A_kept_gradient_of_the_base_needs_no_run_for_a_changed_model()
    {
        using var project = new ScoredProject("llama-A", Models);
        (string, string)[] apl = [("Apl", "layer"), ("AplDensity", "0.5"), ("AplDrop", "restore-importance")];
        project.Declare("linear", Models, apl);
        Assert.Equal(["backward base", "backward base", "backward base"], project.Run());
        project.Tune("b", 99);
        project.WriteTask("b", 11);
        Assert.Empty(project.Run());
    }

    [Fact]
    public void Changing_the_calibration_text_scores_activations_only()
    {
        using var project = Scored();
        File.AppendAllText(project.Data("calibration.txt"), "\nw9 w10 w11\n");
        Assert.Contains(
            new MergeScorer(project.Space.Build()).Explain(project.Space.State("m"), default),
            line => line == "scores for models/base (activations): stale because data/calibration.txt changed");
        Assert.Equal(["observe base"], project.Run());
    }

    [Fact]
    public void Changing_a_task_scores_its_model_only()
    {
        using var project = Scored();
        project.WriteTask("c", 77);
        Assert.Contains(
            new MergeScorer(project.Space.Build()).Explain(project.Space.State("m"), default),
            line => line == "scores for models/c (importance by gradient): stale because data/c.jsonl changed");
        Assert.Equal(["backward base"], project.Run());
    }

    [Fact]
    public void Each_engine_has_scores_of_its_own()
    {
        using var project = Scored();
        var own = project.Engine.NumericsVersion;
        project.Engine.Version = "torch-1-cuda-fp32";

        // No model runs to count changed parameters.
        Assert.All(new MergeScorer(project.Space.Build()).Explain(project.Space.State("m"), default), line => Assert.EndsWith(
            line.Contains("(changed parameters)", StringComparison.Ordinal)
                ? ": cached"
                : $": stale because the engine (from {own} to torch-1-cuda-fp32) changed", line, StringComparison.Ordinal));
        Assert.Equal(["backward base", "backward base", "backward base", "observe base"], project.Run().Order(StringComparer.Ordinal));
        project.Engine.Version = "torch-1-cuda-bf16";
        Assert.Equal(4, project.Run().Count);
        project.Engine.Version = null;
        Assert.All(
            new MergeScorer(project.Space.Build()).Explain(project.Space.State("m"), default),
            line => Assert.EndsWith(": cached", line, StringComparison.Ordinal));
        Assert.Empty(project.Run());
    }

    [Fact]
    public void Two_projects_share_scores()
    {
        using var first = Scored();
        using var second = new ScoredProject("llama-A", Models);
        second.Space.Cache = first.Space.Cache;
        second.Declare("ties", Models, Both);
        Assert.Empty(second.Run());
    }

    [Fact]
    public async Task Two_builds_at_the_same_time_compute_each_score_once()
    {
        using var first = new ScoredProject("llama-A", Models);
        using var second = new ScoredProject("llama-A", Models);
        second.Space.Cache = first.Space.Cache;
        foreach (var project in new[] { first, second })
            project.Declare("linear", Models, Both);
        await Task.WhenAll(Task.Run(first.Run), Task.Run(second.Run));
        Assert.Equal(
            ["backward base", "backward base", "backward base", "observe base"],
            first.Engine.Runs.Concat(second.Engine.Runs).Order(StringComparer.Ordinal));
        Assert.Equal(FolderContent.Of(first.Space.Output("m")), FolderContent.Of(second.Space.Output("m")));
    }

    [Fact]
    public void Nothing_runs_for_an_output_that_is_up_to_date_or_copied_without_its_cache()
    {
        using var project = Scored();
        Directory.Delete(project.Space.Cache, recursive: true);
        Assert.True(project.Space.State("m").IsFresh, string.Join("; ", project.Space.State("m").Reasons));
        Assert.Empty(project.Run());
    }

    [Fact]
    public void A_damaged_entry_is_noticed_and_made_again()
    {
        using var project = Scored();
        var before = FolderContent.Of(project.Space.Output("m"));
        foreach (var entry in Entries(project))
        {
            var bytes = File.ReadAllBytes(entry);
            bytes[^3] ^= 0x40;
            File.WriteAllBytes(entry, bytes);
        }

        Directory.Delete(project.Space.Output("m"), recursive: true);
        Assert.Equal(["observe base", "backward base", "backward base", "backward base"], project.Run());
        Assert.Equal(before, FolderContent.Of(project.Space.Output("m")));
        foreach (var entry in Entries(project))
            File.WriteAllBytes(entry, File.ReadAllBytes(entry)[..^1]);
        Directory.Delete(project.Space.Output("m"), recursive: true);
        Assert.Equal(4, project.Run().Count);
    }

    [Fact]
    public void An_entry_under_another_ones_name_is_not_read()
    {
        using var project = Scored();
        var before = FolderContent.Of(project.Space.Output("m"));

        // The gradients' products of two models, each as the other's: names, digests and shapes are right.
        var entries = Entries(project).Where(entry => Kind(entry) == "importance by gradient").Take(2).ToList();
        var bytes = entries.ConvertAll(File.ReadAllBytes);
        for (var i = 0; i < 2; i++)
        {
            var other = entries[1 - i];
            File.Delete(other);
            File.WriteAllBytes(
                Path.Combine(
                    Path.GetDirectoryName(other)!,
                    $"{Path.GetFileName(other).Split('-')[0]}-{TreeDigest.Of(bytes[i])}.safetensors"), bytes[i]);
        }

        Assert.Equal(
            2,
            new MergeScorer(project.Space.Build())
                .Explain(project.Space.State("m"), default)
                .Count(line => !line.EndsWith(": cached", StringComparison.Ordinal)));
        Directory.Delete(project.Space.Output("m"), recursive: true);
        Assert.Equal(["backward base", "backward base"], project.Run());
        Assert.Equal(before, FolderContent.Of(project.Space.Output("m")));
        Assert.Equal(7, Entries(project).Length);
    }

    [Fact]
    public void Decisions_that_somebody_wrote_into_a_manifest_are_neither_believed_nor_told()
    {
        using var project = Scored();
        var before = FolderContent.Of(project.Space.Output("m"));
        var path = Path.Combine(project.Space.Output("m"), "merge.manifest.json");
        var manifest = project.Manifest();
        manifest["importance"]!["models"]![0]!["weight"] = 0.9;
        manifest["importance"]!["models"]![0]!["model"] = "models/other";
        File.WriteAllText(path, manifest.ToJsonString());
        Assert.Empty(project.Run());
        Assert.Equal(before, FolderContent.Of(project.Space.Output("m")));
    }

    // A score that runs another merge's output is filed under what that merge should have made.
    [Theory]
    [InlineData("config.json")]
    [InlineData("model.safetensors")]
    public void The_output_of_another_merge_is_scored_only_as_that_merge_made_it(string file)
    {
        using var project = new ScoredProject("llama-A", "a");
        project.Space.Merge("first", ("Method", "passthrough"), ("Base", "models/base"));
        project.Space.Source("models/a", ("Into", "first"));
        project.Space.Merge("m", ("Method", "linear"), ("Base", "models/base"), ("Apl", "layer"));
        project.Space.Source("first", ("Into", "m"), ("TaskData", "data/a.jsonl"), ("Weight", "1"));
        project.Space.Run("first");
        var bytes = File.ReadAllBytes(Path.Combine(project.Space.Output("first"), file));
        File.AppendAllText(Path.Combine(project.Space.Output("first"), file), " ");
        foreach (var act in new Action[]
        {
            () => new MergeScorer(project.Space.Build()).Score("m", MergeProgress.None, default), () => project.Space.Run("m")
        })
            Assert.Contains("Run 'first' first", Assert.Throws<DiagnosticException>(act).Message, StringComparison.Ordinal);
        Assert.Empty(Entries(project));
        project.Space.Run("first");
        Assert.Equal(bytes, File.ReadAllBytes(Path.Combine(project.Space.Output("first"), file)));
        project.Space.Run("m");
    }

    [Fact]
    public void Work_that_was_finished_before_a_cancelled_run_is_kept()
    {
        using var project = new ScoredProject("llama-A", Models);
        project.Declare("linear", Models, Both);
        using var cancellation = new CancellationTokenSource();
        project.Engine.Running = run =>
        {
            if (project.Engine.Runs.Count == 2)
                cancellation.Cancel();
        };
        Assert.ThrowsAny<OperationCanceledException>(() => project.Space.Run("m", cancellation: cancellation.Token));
        Assert.False(Directory.Exists(project.Space.Output("m")) && Directory.EnumerateFiles(project.Space.Output("m")).Any());
        Assert.Empty(Directory.GetFiles(project.Space.Cache, "*.tmp", SearchOption.AllDirectories));
        project.Engine.Running = null;
        Assert.Equal(["backward base", "backward base"], project.Run());
    }

    [Fact]
    public void A_run_killed_while_it_scores_leaves_nothing_half_written_and_keeps_what_was_finished()
    {
        using var project = new ScoredProject("llama-A", Models);
        project.Declare("linear", Models, Both);
        using var clean = new ScoredProject("llama-A", Models);
        clean.Declare("linear", Models, Both);
        clean.Run();

        // The activations are complete, and the first model's task has run but is not yet written.
        Assert.True(Interrupted.CrashingProcess.Run(project.Space, "m", "scored", 2));
        Assert.Equal(["backward base", "backward base", "backward base"], project.Run());
        Assert.Equal(FolderContent.Of(clean.Space.Output("m")), FolderContent.Of(project.Space.Output("m")));
        Assert.Empty(Directory.GetFiles(project.Space.Cache, "*.tmp", SearchOption.AllDirectories));
    }

    [Fact]
    public void A_step_of_its_own_computes_the_scores_and_the_merge_reuses_them()
    {
        using var project = new ScoredProject("llama-A", Models);
        project.Declare("linear", Models, Both);
        new MergeScorer(project.Space.Build()).Score("m", MergeProgress.None, default);
        Assert.Equal(4, project.Engine.Runs.Count);
        Assert.Empty(project.Run());
    }

    [Fact]
    public void Entries_say_what_they_were_made_from()
    {
        using var project = Scored();
        foreach (var entry in Entries(project))
        {
            using var file = SafetensorsFile.Open(entry);
            Assert.Equal(Path.GetFileName(entry).Split('-')[0], file.Header.Metadata["key"]);
            Assert.Contains("score", file.Header.Metadata.Keys);
        }

        Assert.Contains(Entries(project), entry =>
        {
            using var file = SafetensorsFile.Open(entry);
            return file.Header.Metadata.TryGetValue("calibration", out var digest)
                && digest == TreeDigest.OfFile(project.Data("calibration.txt")).ToString();
        });
    }

    [Fact]
    public void A_cache_that_cannot_be_written_only_costs_time()
    {
        using var project = new ScoredProject("llama-A", Models);
        File.WriteAllText(Path.Combine(project.Space.Folder, "file"), "");
        project.Space.Cache = Path.Combine(project.Space.Folder, "file", "cache");
        project.Declare("linear", Models, Both);
        Assert.Equal(4, project.Run().Count);
        Assert.NotEmpty(project.Space.Result("m"));
    }

    private static ScoredProject Scored()
    {
        var project = new ScoredProject("llama-A", Models);
        project.Declare("linear", Models, Both);
        Assert.Equal(["observe base", "backward base", "backward base", "backward base"], project.Run());
        return project;
    }

    private static string Kind(string entry)
    {
        using var file = SafetensorsFile.Open(entry);
        return file.Header.Metadata["score"];
    }

    private static string[] Entries(ScoredProject project) =>
        Directory.GetFiles(project.Space.Cache, "*.safetensors", SearchOption.AllDirectories);
}
