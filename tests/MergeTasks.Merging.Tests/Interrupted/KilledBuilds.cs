using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Interrupted;

public sealed class KilledBuilds : IDisposable
{
    private static readonly string[] Variants = ["single", "sharded", "other"];

    private readonly InterruptedProject _project = new();

    public void Dispose() => _project.Dispose();

    [Theory]
    [InlineData("written", "nothing", "single")]
    [InlineData("publishing", "nothing", "sharded")]
    [InlineData("written", "single", "sharded")]
    [InlineData("publishing", "single", "sharded")]
    [InlineData("publishing", "sharded", "single")]
    public void After_a_kill_at_any_moment_every_build_gives_what_a_build_from_nothing_gives(string moment, string before, string after)
    {
        var clean = Variants.ToDictionary(variant => variant, _project.Clean);
        for (var call = 1; ; call++)
        {
            _project.Remove();
            if (before != "nothing")
            {
                _project.Declare(before);
                _project.Space.Run("m");
            }

            _project.Declare(after);
            if (!CrashingProcess.Run(_project.Space, "m", moment, call))
            {
                Assert.True(call > 2, "The merge has several blocks and files.");
                Assert.Equal(clean[after], FolderContent.Of(_project.Output));
                return;
            }

            CheckEveryWayOn(clean);
        }
    }

    [Fact]
    public void Kills_that_follow_each_other_add_up_to_nothing_worse()
    {
        var clean = Variants.ToDictionary(variant => variant, _project.Clean);
        foreach (var (variant, moment, call) in new[]
        {
            ("single", "publishing", 3), ("sharded", "publishing", 4), ("other", "written", 1), ("sharded", "publishing", 2)
        })
        {
            _project.Declare(variant);
            Assert.True(CrashingProcess.Run(_project.Space, "m", moment, call));
        }

        CheckEveryWayOn(clean);
    }

    // From what the kill left, builds of all variants, each from its own copy.
    private void CheckEveryWayOn(Dictionary<string, SortedDictionary<string, string>> clean)
    {
        var left = _project.Output + "-left";
        Directory.Move(_project.Output, left);
        foreach (var variant in Variants)
        {
            Copy(left, _project.Output);
            _project.Declare(variant);
            Assert.False(_project.Space.State("m").IsFresh);
            _project.Space.Run("m");
            Assert.Equal(clean[variant], FolderContent.Of(_project.Output));
            Assert.True(_project.Space.State("m").IsFresh);
            _project.Remove();
        }

        Directory.Delete(left, recursive: true);
    }

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.EnumerateFiles(from))
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        foreach (var folder in Directory.EnumerateDirectories(from))
            Copy(folder, Path.Combine(to, Path.GetFileName(folder)));
    }
}
