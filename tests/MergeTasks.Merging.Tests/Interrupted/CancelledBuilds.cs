using MergeTasks.Caching;
using MergeTasks.Language.Diagnostics;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Interrupted;

public sealed class CancelledBuilds : IDisposable
{
    private readonly InterruptedProject _project = new();

    public void Dispose() => _project.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Cancelling_at_any_block_leaves_the_earlier_output_as_it_was(int threads)
    {
        _project.Space.Threads = threads;
        var clean = _project.Clean("sharded");
        _project.Declare("single");
        _project.Space.Run("m");
        var before = FolderContent.Of(_project.Output);
        var stamps = FolderContent.StampsOf(_project.Output);
        _project.Declare("sharded");
        for (var block = 1; ; block++)
        {
            using var cancel = new CancellationTokenSource();
            var progress = new FaultyProgress(block, 0, cancel.Cancel);
            if (Record.Exception(() => _project.Space.Run("m", progress, cancel.Token)) is { } exception)
            {
                Assert.IsAssignableFrom<OperationCanceledException>(exception);
                Assert.Equal(before, FolderContent.Of(_project.Output));
                Assert.Equal(stamps, FolderContent.StampsOf(_project.Output));
                continue;
            }

            Assert.False(progress.Happened);
            Assert.True(block > 4, "The merge has several blocks.");
            Assert.Equal(clean, FolderContent.Of(_project.Output));
            return;
        }
    }

    [Fact]
    public void A_listener_that_throws_a_cancellation_never_leaves_a_file_with_missing_blocks()
    {
        var clean = _project.Clean("single");
        for (var block = 1; block <= 3; block++)
        {
            var progress = new FaultyProgress(block, 0, () => throw new OperationCanceledException());
            Assert.ThrowsAny<OperationCanceledException>(() => _project.Space.Run("m", progress));
            Assert.Empty(FolderContent.Of(_project.Output));
        }

        _project.Space.Run("m");
        Assert.Equal(clean, FolderContent.Of(_project.Output));
    }

    [Fact]
    public void A_disk_that_fills_at_any_block_is_one_error_and_leaves_the_earlier_output_as_it_was()
    {
        var clean = _project.Clean("sharded");
        _project.Declare("single");
        _project.Space.Run("m");
        var before = FolderContent.StampsOf(_project.Output);
        _project.Declare("sharded");
        for (var block = 1; ; block++)
        {
            var progress = new FaultyProgress(block, 0, () => throw new IOException("No space left on device"));
            if (Record.Exception(() => _project.Space.Run("m", progress)) is not { } exception)
            {
                Assert.True(block > 4 && !progress.Happened);
                Assert.Equal(clean, FolderContent.Of(_project.Output));
                return;
            }

            var diagnostic = Assert.Single(Assert.IsType<DiagnosticException>(exception).Diagnostics);
            Assert.Equal(DiagnosticCode.OutputUnwritable, diagnostic.Code);
            Assert.Contains("No space left on device", diagnostic.Message, StringComparison.Ordinal);
            Assert.Contains("earlier output, if any, is kept", diagnostic.Message, StringComparison.Ordinal);
            Assert.Equal(before, FolderContent.StampsOf(_project.Output));
            Assert.False(Directory.Exists(Path.Combine(_project.Output, ".partial")));
        }
    }

    [Fact]
    public void A_rename_that_fails_is_one_error_that_says_the_output_is_incomplete_and_the_next_build_completes_it()
    {
        var clean = _project.Clean("sharded");
        for (var file = 1; ; file++)
        {
            _project.Remove();
            _project.Declare("single");
            _project.Space.Run("m");
            _project.Declare("sharded");
            var progress = new FaultyProgress(0, file, () => throw new IOException("Locked"));
            if (Record.Exception(() => _project.Space.Run("m", progress)) is not { } exception)
            {
                Assert.True(file > 4 && !progress.Happened, "The merge publishes several files.");
                return;
            }

            var diagnostic = Assert.Single(Assert.IsType<DiagnosticException>(exception).Diagnostics);
            Assert.Equal(DiagnosticCode.OutputUnwritable, diagnostic.Code);
            Assert.Contains("the next build completes them", diagnostic.Message, StringComparison.Ordinal);
            _project.Space.Run("m");
            Assert.Equal(clean, FolderContent.Of(_project.Output));
        }
    }

    [Fact]
    public async Task Two_builds_of_one_output_at_once_both_succeed_and_one_writes()
    {
        var clean = _project.Clean("sharded");
        using var writing = new ManualResetEventSlim();
        using var waiting = new ManualResetEventSlim();
        var first = new FaultyProgress(1, 0, () =>
        {
            writing.Set();
            Assert.True(waiting.Wait(TimeSpan.FromSeconds(60)));
        });
        var one = Task.Run(() => _project.Space.Run("m", first));
        Assert.True(writing.Wait(TimeSpan.FromSeconds(60)));
        var second = new WaitingProgress(waiting);
        var two = Task.Run(() => _project.Space.Run("m", second));
        Assert.False((await one).IsFresh);
        Assert.True((await two).IsFresh);
        Assert.Equal(clean, FolderContent.Of(_project.Output));
    }

    [Fact]
    public void Waiting_for_another_build_can_be_cancelled()
    {
        _project.Declare("single");
        using var other = FileLock.Acquire(_project.Space.LockFile("m"), null, default);
        using var cancel = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => _project.Space.Run("m", new CancellingProgress(cancel), cancel.Token));
    }

    [Fact]
    public void An_output_folder_that_cannot_be_made_is_one_error()
    {
        _project.Declare("single");
        Directory.CreateDirectory(Path.GetDirectoryName(_project.Output)!);
        File.WriteAllText(_project.Output, "a file in the folder's place");
        var exception = Assert.Throws<DiagnosticException>(() => _project.Space.Run("m"));
        Assert.Equal(DiagnosticCode.OutputUnwritable, Assert.Single(exception.Diagnostics).Code);
    }

    [Fact]
    public void A_lock_file_that_cannot_be_made_is_one_error()
    {
        _project.Declare("single");
        File.WriteAllText(Path.GetDirectoryName(_project.Space.LockFile("m"))!, "a file in the folder's place");
        var exception = Assert.Throws<DiagnosticException>(() => _project.Space.Run("m"));
        Assert.Equal(DiagnosticCode.OutputUnwritable, Assert.Single(exception.Diagnostics).Code);
    }

    private sealed class WaitingProgress(ManualResetEventSlim told) : MergeProgress
    {
        public override void Waiting() => told.Set();
    }

    private sealed class CancellingProgress(CancellationTokenSource cancel) : MergeProgress
    {
        public override void Waiting() => cancel.Cancel();
    }
}
