using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Outputs.Parts;
using MergeTasks.Merging.Tests.Importance;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Distributed;

/// <summary>Weight files that machines make side by side and one puts together are those that one machine makes.</summary>
public sealed class PartsOfOutputs
{
    private const int Count = 3;

    [Theory]
    [InlineData("ties")]
    [InlineData("pcb")]
    public void Parts_put_together_are_the_output_of_one_machine(string method)
    {
        using var one = Project(method);
        one.Run();
        var expected = FolderContent.Of(one.Space.Output("m"));
        Assert.InRange(expected.Keys.Count(name => name.EndsWith(".safetensors", StringComparison.Ordinal)), 4, 100);

        // A machine with an own cache each, the third before the first.
        using var many = Project(method);
        var main = many.Space.Cache;
        foreach (var number in new[] { 3, 1, 2 })
        {
            many.Space.Cache = Path.Combine(many.Space.Folder, $"cache-{number}");
            Assert.NotEqual(0, Make(many, number).Made);
            Assert.Equal(0, Make(many, number).Made);
        }

        many.Space.Cache = main;
        Assert.False(Directory.Exists(many.Space.Output("m")));
        var progress = new CountedProgress();
        many.Space.OnlyAssembles = true;
        many.Space.Run("m", progress);
        Assert.Equal(0, progress.Bytes);
        Assert.Equal(expected, FolderContent.Of(many.Space.Output("m")));
        Assert.False(Directory.Exists(Root(many)));
        Assert.True(many.Space.State("m").IsFresh);

        // Made again by others after it is there: there is nothing to do.
        Assert.True(Make(many, 2).State.IsFresh);
        Assert.False(Directory.Exists(Root(many)));
    }

    [Fact]
    public void What_is_missing_foreign_or_damaged_is_one_error_or_made_here()
    {
        using var one = Project("ties");
        one.Run();
        var expected = FolderContent.Of(one.Space.Output("m"));
        using var many = Project("ties");
        foreach (var number in new[] { 1, 2, 3 })
            Make(many, number);
        var part = Path.Combine(Root(many), "2-of-3");
        var weights = Directory.GetFiles(part, "*.safetensors").Order(StringComparer.Ordinal).First();
        var whole = FolderContent.Of(Root(many));
        many.Space.OnlyAssembles = true;

        // Damaged.
        var bytes = File.ReadAllBytes(weights);
        bytes[^3] ^= 1;
        File.WriteAllBytes(weights, bytes);
        Refused("is damaged or incomplete");
        bytes[^3] ^= 1;
        File.WriteAllBytes(weights, bytes);
        Assert.Equal(whole, FolderContent.Of(Root(many)));

        // Missing.
        Directory.Move(part, part + "-away");
        Refused(Path.GetFileName(weights));

        // Of another output: another recipe of the same files.
        using var other = Project("ties", ("Density", "0.3"));
        Make(other, 2);
        FolderCopy(Path.Combine(Root(other), "2-of-3"), part);
        Refused("is of another output");

        // A build makes here what it cannot take, and leaves what is not its own.
        many.Space.OnlyAssembles = false;
        many.Space.Run("m");
        Assert.Equal(expected, FolderContent.Of(many.Space.Output("m")));
        Assert.True(File.Exists(Path.Combine(part, PartRecord.FileName)));
        Assert.False(Directory.Exists(Path.Combine(Root(many), "1-of-3")));

        void Refused(string why)
        {
            var before = FolderContent.Of(Root(many));
            var error = Assert.Single(Assert.Throws<DiagnosticException>(() => many.Space.Run("m")).Diagnostics);
            Assert.Equal(DiagnosticCode.ShardsMissing, error.Code);
            Assert.Contains(why, error.Message, StringComparison.Ordinal);
            Assert.False(Directory.Exists(many.Space.Output("m")));
            Assert.Equal(before, FolderContent.Of(Root(many)));
        }
    }

    [Fact]
    public void Only_what_a_record_lists_is_replaced()
    {
        using var project = Project("ties");
        var part = Path.Combine(Root(project), "1-of-3");
        foreach (var (folder, file) in new[]
        {
            (part, "mine.txt"), (part, "model-00001-of-00002.safetensors"), (part + ".partial", "notes"),
        })
        {
            Directory.CreateDirectory(folder);
            File.WriteAllText(Path.Combine(folder, file), "somebody's");
            Assert.Equal(
                DiagnosticCode.ForeignOutput,
                Assert.Single(Assert.Throws<DiagnosticException>(() => Make(project, 1)).Diagnostics).Code);
            Assert.Equal("somebody's", File.ReadAllText(Path.Combine(folder, file)));
            Directory.Delete(folder, recursive: true);
        }

        // What a build that was killed has left goes; so does the part of an earlier plan.
        Make(project, 1);
        FolderCopy(part, part + ".partial");
        project.DeclareAsIs("ties", ["a", "b"], ("MaxShardSize", "20KB"), ("Density", "0.3"));
        Assert.NotEqual(0, Make(project, 1).Made);
        Assert.False(Directory.Exists(part + ".partial"));

        // One that somebody has changed since is left.
        File.AppendAllText(Directory.GetFiles(part, "*.safetensors")[0], "!");
        project.DeclareAsIs("ties", ["a", "b"], ("MaxShardSize", "20KB"), ("Density", "0.4"));
        Assert.Equal(
            DiagnosticCode.ForeignOutput,
            Assert.Single(Assert.Throws<DiagnosticException>(() => Make(project, 1)).Diagnostics).Code);
    }

    [Fact]
    public void A_part_that_is_given_up_leaves_nothing_and_more_parts_than_files_are_no_mistake()
    {
        using var project = Project("ties");
        using var cancellation = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => project.Space.Build().RunPart(
            "m", new PartChoice(1, Count), new CountedProgress { Began = cancellation.Cancel }, cancellation.Token));
        Assert.Empty(Directory.GetDirectories(Root(project)));
        for (var number = 1; number <= 200; number += 199)
            project.Space.Build().RunPart("m", new PartChoice(number, 200), MergeProgress.None, default);
        project.Space.Run("m");
        Assert.True(project.Space.State("m").IsFresh);
    }

    [Theory]
    [InlineData("0/3")]
    [InlineData("4/3")]
    [InlineData("1")]
    [InlineData("1/")]
    [InlineData("1/0")]
    [InlineData("-1/3")]
    [InlineData("1/3/2")]
    [InlineData("all")]
    public void What_is_no_choice_is_refused(string text) =>
        Assert.Equal(
            DiagnosticCode.InvalidValue,
            Assert.Single(Assert.Throws<DiagnosticException>(() => PartChoice.Parse(text, null)).Diagnostics).Code);

    private static (Merging.Outputs.OutputState State, int Made) Make(ScoredProject project, int number) =>
        project.Space.Build().RunPart("m", new PartChoice(number, Count), MergeProgress.None, default);

    private static string Root(ScoredProject project) => project.Space.Output("m") + ".shards";

    private static void FolderCopy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var path in Directory.GetFiles(from))
            File.Copy(path, Path.Combine(to, Path.GetFileName(path)));
    }

    private static ScoredProject Project(string method, params (string Name, string Value)[] settings)
    {
        var project = new ScoredProject("llama-A", "a", "b");
        project.DeclareAsIs(method, ["a", "b"], [("MaxShardSize", "20KB"), .. settings]);
        return project;
    }

    private sealed class CountedProgress : MergeProgress
    {
        public long Bytes { get; private set; } = -1;

        public Action? Began { get; init; }

        public override void Starting(long bytes)
        {
            Bytes = bytes;
            Began?.Invoke();
        }
    }
}
