using MergeTasks.TestSupport;

namespace MergeTasks.Caching.Tests;

public sealed class FileLocks
{
    [Fact]
    public async Task A_second_owner_waits_until_the_first_lets_go()
    {
        using var folder = new TempFolder();
        using var waiting = new ManualResetEventSlim();
        var first = FileLock.Acquire(folder["a", "lock"], null, default);
        var second = Task.Run(() => FileLock.Acquire(folder["a", "lock"], waiting.Set, default));
        waiting.Wait(TestContextTimeout.Token);
        Assert.False(second.IsCompleted);
        first.Dispose();
        (await second).Dispose();
    }

    [Fact]
    public void Waiting_ends_when_it_is_cancelled()
    {
        using var folder = new TempFolder();
        using var cancel = new CancellationTokenSource();
        using var first = FileLock.Acquire(folder["lock"], null, default);
        Assert.ThrowsAny<OperationCanceledException>(() => FileLock.Acquire(folder["lock"], cancel.Cancel, cancel.Token));
    }

    [Fact]
    public void A_lock_file_that_cannot_be_opened_is_an_error_and_not_waited_for()
    {
        if (OperatingSystem.IsWindows())
            return; // Symbolic links need a privilege there.
        using var folder = new TempFolder();
        File.CreateSymbolicLink(folder["lock"], folder["lock"]);
        Assert.ThrowsAny<IOException>(() => FileLock.Acquire(folder["lock"], null, TestContextTimeout.Token));
    }

    // Turns a hang into a failure; no test depends on how long anything takes.
    private static class TestContextTimeout
    {
        public static CancellationToken Token => new CancellationTokenSource(TimeSpan.FromSeconds(60)).Token;
    }
}
