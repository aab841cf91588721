using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Outputs.Ownership;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Ownership;

/// <summary>What one build sees of an output while another makes it, cleans it, or has just given it up.</summary>
public sealed class BuildsAtOnce : OwnedOutput
{
    [Fact]
    public void What_another_build_is_about_is_looked_at_again_and_what_stays_wrong_is_told()
    {
        // It has begun since the record was read: weights that the record read does not list are its own.
        var (merge, looks) = (Space.Declarations()[0], 0);
        Assert.Equal(3, OutputOwnership.WhileSteady(merge, () =>
        {
            switch (++looks)
            {
                case 1:
                    Project.Build();
                    throw new DiagnosticException(new Diagnostic(DiagnosticCode.ForeignOutput, "Foreign.", null));
                case 2:
                    File.WriteAllBytes(Record + ".new", File.ReadAllBytes(Record));
                    File.Move(Record + ".new", Record, overwrite: true);
                    throw new DirectoryNotFoundException();
                default:
                    return looks;
            }
        }, default));

        looks = 0;
        Assert.Throws<DirectoryNotFoundException>(() => OutputOwnership.WhileSteady<int>(merge, () =>
        {
            looks++;
            throw new DirectoryNotFoundException();
        }, default));
        Assert.Equal(1, looks);
    }

    [Fact]
    public async Task Planning_beside_builds_and_cleans_never_refuses_what_they_make()
    {
        Project.Build();
        var expected = FolderContent.Of(Output);
        var saved = Space.Save();
        using var stop = new CancellationTokenSource();
        var others = Enumerable.Range(0, 2).Select(_ => Task.Run(() =>
        {
            while (!stop.IsCancellationRequested)
                MergeWorkspace.Load(saved, 1).Plan(default);
        })).ToArray();
        for (var round = 0; round < 12; round++)
        {
            Assert.Empty(Remove());
            Space.Run("first");
        }

        await stop.CancelAsync();
        await Task.WhenAll(others);
        Assert.Equal(expected, FolderContent.Of(Output));
    }

    [Fact]
    public void A_hard_link_to_an_output_or_from_it_to_an_input_keeps_its_content()
    {
        Project.Build();
        var (weights, input) = (Directory.GetFiles(Output, "*.safetensors").Order(StringComparer.Ordinal).First(), Project.ModelFile("a"));
        var (kept, before) = (Path.Combine(Space.Folder, "kept"), File.ReadAllBytes(input));
        SpecialFiles.HardLink(weights, kept);
        var old = File.ReadAllBytes(kept);

        // The output's name now is another name of the input: it is replaced, and the input stays what it is.
        SpecialFiles.HardLink(input, weights);
        Space.Run("first");
        Assert.Equal(before, File.ReadAllBytes(input));
        Assert.Equal(old, File.ReadAllBytes(kept));
        Assert.Equal(old, File.ReadAllBytes(weights));
    }

    [Fact]
    public void Two_configurations_with_one_output_path_wait_for_one_another()
    {
        Project.Build();
        var held = OutputLock.Acquire(Space.LockFile("of another configuration"), Output, Space.Cache, null, default);
        var waits = new Waits(held.Dispose);
        Space.Run("first", waits);
        Assert.Equal(1, waits.Count);
        Space.Run("first", waits);
        Assert.Equal(1, waits.Count);
    }

    private sealed class Waits(Action end) : MergeProgress
    {
        public int Count { get; private set; }

        public override void Waiting()
        {
            Count++;
            end();
        }
    }
}
