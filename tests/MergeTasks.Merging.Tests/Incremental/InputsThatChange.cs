using MergeTasks.Caching;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Tests.Importance;
using MergeTasks.Merging.Tests.Interrupted;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Incremental;

/// <summary>Inputs that somebody changes while a build reads them: nothing is kept, and nothing is remembered of what was read.</summary>
public sealed class InputsThatChange : IDisposable
{
    private readonly SmallProject _project = new();

    public static TheoryData<string> Ways() =>
        ["in place", "in place, time put back", "another file in its place", "longer", "cut short", "removed", "through a link"];

    public void Dispose() => _project.Dispose();

    [Theory]
    [MemberData(nameof(Ways))]
    public void While_a_merge_writes(string way)
    {
        if (!OperatingSystem.IsLinux() && way == "in place, time put back")
            return; // Elsewhere nothing but the time of modification tells.
        var file = _project.ModelFile("a");
        if (way == "through a link")
        {
            File.Move(file, file + ".1");
            File.CreateSymbolicLink(file, file + ".1");
        }

        _project.Build();
        var before = _project.Outputs();
        _project.Weight = "0.75";
        _project.Declare();
        var bytes = File.ReadAllBytes(file);
        Refused(file, new FaultyProgress(1, 0, () => Change(way, file)));
        Assert.Equal(before, _project.Outputs());

        // What is there now is what counts from now on.
        Assert.Equal(way == "removed", !File.Exists(file));
        if (!File.Exists(file) || File.ReadAllBytes(file).Length != bytes.Length)
            File.WriteAllBytes(file, bytes);
        _project.Build();
        Assert.Equal(_project.Clean(), _project.Outputs());
    }

    [Theory]
    [InlineData("config.json")]
    [InlineData("tokenizer.json")]
    [InlineData("README.md")]
    [InlineData("model.safetensors.index.json")]
    public void Files_beside_the_weights_count_too_and_so_do_those_that_appear(string name)
    {
        var file = _project.ModelFile("base", name);
        Refused(
            file, new FaultyProgress(1, 0, () => File.WriteAllText(file, name == "config.json" ? "{\"model_type\": \"other\"}" : "{}")));
        Assert.False(
            Directory.Exists(_project.Space.Output("first")) && Directory.EnumerateFileSystemEntries(_project.Space.Output("first")).Any());
    }

    [Fact]
    public void The_output_of_another_merge_is_an_input()
    {
        _project.Space.Run("first");
        var file = Path.Combine(_project.Space.Output("first"), "model.safetensors");
        var fault = Assert.Throws<DiagnosticException>(() =>
            _project.Space.Run("third", new FaultyProgress(1, 0, () => Change("in place, time put back", file))));
        Assert.Contains(file, Assert.Single(fault.Diagnostics).Message, StringComparison.Ordinal);
        Assert.Equal(DiagnosticCode.UnreadableInput, fault.Diagnostics[0].Code);
        _project.Space.RunAll();
        Assert.Equal(_project.Clean(), _project.Outputs());
    }

    // The digest is of the file that was opened, or there is none: else another layout's parts would be remembered for it.
    [Theory]
    [InlineData("another file in its place")]
    [InlineData("in place")]
    public void Between_opening_and_digesting(string way)
    {
        var file = _project.ModelFile("a");
        var isFirst = true;
        var racing = new Build.MergeBuild(_project.Space.Declarations(), _project.Space.Cache, 2)
        {
            Digesting = (path, _) =>
            {
                // The base is digested first; by then all models are open.
                if (isFirst && path != file)
                    Change(way, file);
                isFirst = false;
            },
        };
        var fault = Assert.Throws<DiagnosticException>(() =>
            racing.Run("first", _project.Space.LockFile("first"), MergeProgress.None, default));
        Assert.All(fault.Diagnostics, diagnostic => Assert.Equal(DiagnosticCode.UnreadableInput, diagnostic.Code));
        _project.Build();
        Assert.Equal(_project.Clean(), _project.Outputs());
    }

    [Theory]
    [InlineData("models/base/model.safetensors")]
    [InlineData("models/base/config.json")]
    [InlineData("models/base/tokenizer.json")]
    [InlineData("data/calibration.txt")]
    public void While_a_score_is_computed(string changed)
    {
        using var scored = new ScoredProject("llama-A", "a");
        scored.Declare("linear", ["a"], ("Aim", "0.4"), ("Calibration", "data/calibration.txt"), ("AimBlock", "16"));
        var file = Path.Combine(scored.Space.Folder, changed);
        scored.Engine.Running =
            _ => Change(file.EndsWith("tensors", StringComparison.Ordinal) ? "in place, time put back" : "longer", file);
        var fault = Assert.Throws<DiagnosticException>(() => scored.Run());
        Assert.Contains(file, Assert.Single(fault.Diagnostics).Message, StringComparison.Ordinal);
        Assert.Equal(DiagnosticCode.UnreadableInput, fault.Diagnostics[0].Code);
        Assert.Empty(Directory.EnumerateFiles(scored.Space.Cache, "*.safetensors", SearchOption.AllDirectories));
        Assert.Empty(Directory.EnumerateFiles(scored.Space.Cache, "*.tmp", SearchOption.AllDirectories));
        scored.Engine.Running = null;
        Assert.Equal(["observe base"], scored.Run());
    }

    [Fact]
    public void A_file_that_goes_on_changing_is_never_remembered()
    {
        var file = _project.ModelFile("a");
        var hasher = new FileHasher(new DigestMemo(_project.Space.Cache), 1) { Reading = (path, _) => Change("in place", path) };
        Assert.ThrowsAny<IOException>(() => hasher.DigestWhole(file, default));
        Assert.Empty(Directory.EnumerateFiles(_project.Space.Cache, "*.txt", SearchOption.AllDirectories));
        Assert.Equal(TreeDigest.OfFile(file), new FileHasher(new DigestMemo(_project.Space.Cache), 1).DigestWhole(file, default));
    }

    [Fact]
    public void An_output_that_is_changed_the_moment_it_is_published_is_not_remembered_as_ours()
    {
        var file = Path.Combine(_project.Space.Output("first"), "model.safetensors");

        // The weights are published first; at the next file they are in place.
        _project.Space.Run("first", new FaultyProgress(0, 2, () => Change("in place", file)));
        Assert.Equal(1, _project.Space.State("first").StaleTensorCount);
        _project.Build();
        Assert.Equal(_project.Clean(), _project.Outputs());
    }

    [Fact]
    public void A_map_of_a_file_that_became_shorter_is_refused()
    {
        using var checkpoint = Checkpoints.Safetensors.Checkpoint.Open(Path.GetDirectoryName(_project.ModelFile("a"))!);
        using var map = new Checkpoints.Safetensors.MappedWeights(checkpoint);
        Change("cut short", _project.ModelFile("a"));
        unsafe
        {
            var fault = Assert.Throws<CheckpointException>(() => (nint)map.Find(SmallProject.Tensors[0]));
            Assert.Equal(CheckpointError.Unreadable, fault.Error);
        }
    }

    private void Refused(string file, MergeProgress progress)
    {
        var fault = Assert.Throws<DiagnosticException>(() => _project.Space.Run("first", progress));
        var diagnostic = Assert.Single(fault.Diagnostics);
        Assert.Equal(DiagnosticCode.UnreadableInput, diagnostic.Code);
        Assert.Contains(file, diagnostic.Message, StringComparison.Ordinal);
    }

    private static void Change(string way, string file)
    {
        var bytes = File.ReadAllBytes(file);
        var time = File.GetLastWriteTimeUtc(file);
        if (bytes.Length > 0)
            bytes[^1] ^= 1;
        switch (way)
        {
            case "another file in its place":
                File.WriteAllBytes(file + ".new", bytes);
                File.Move(file + ".new", file, overwrite: true);
                break;
            case "longer":
                File.AppendAllText(file, " ");
                break;
            case "cut short":
                File.WriteAllBytes(file, bytes[..(bytes.Length / 2)]);
                break;
            case "removed":
                File.Delete(file);
                break;
            case "through a link":
                File.WriteAllBytes(file + ".2", bytes);
                File.Delete(file);
                File.CreateSymbolicLink(file, file + ".2");
                break;
            default:
                using (var handle = File.OpenHandle(file, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete))
                    RandomAccess.Write(handle, bytes, 0);
                if (way == "in place, time put back")
                    File.SetLastWriteTimeUtc(file, time);
                break;
        }
    }
}
