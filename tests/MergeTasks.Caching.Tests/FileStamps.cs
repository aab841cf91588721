using MergeTasks.TestSupport;

namespace MergeTasks.Caching.Tests;

public sealed class FileStamps
{
    [Fact]
    public void There_is_no_stamp_of_a_missing_file_or_a_folder()
    {
        using var folder = new TempFolder();
        Assert.Null(FileStamp.Of(folder["nothing"]));
        Assert.Null(FileStamp.Of(folder.Path));
    }

    [Fact]
    public void A_stamp_just_taken_of_a_file_just_written_is_not_settled_until_its_tick_is_over()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder["a"], "text");
        var stamp = FileStamp.Of(folder["a"])!.Value;
        Assert.False(stamp.IsSettled(Math.Max(stamp.Modified, stamp.Changed)));
        stamp.Settle();
        Assert.True(stamp.IsSettled(FileStamp.Now));
    }

    [Fact]
    public void Writing_the_same_size_at_a_time_put_back_changes_the_stamp_on_Linux()
    {
        if (!OperatingSystem.IsLinux())
            return;
        using var folder = new TempFolder();
        File.WriteAllText(folder["a"], "text");
        var before = FileStamp.Of(folder["a"])!.Value;
        before.Settle();
        var time = File.GetLastWriteTimeUtc(folder["a"]);
        File.WriteAllText(folder["a"], "TEXT");
        File.SetLastWriteTimeUtc(folder["a"], time);
        Assert.NotEqual(before, FileStamp.Of(folder["a"])!.Value);
    }

    [Fact]
    public void A_modification_time_in_the_future_does_not_keep_a_stamp_unsettled_on_Linux()
    {
        if (!OperatingSystem.IsLinux())
            return;
        using var folder = new TempFolder();
        File.WriteAllText(folder["a"], "text");
        File.SetLastWriteTimeUtc(folder["a"], DateTime.UtcNow.AddDays(2));
        var stamp = FileStamp.Of(folder["a"])!.Value;
        stamp.Settle();
        Assert.True(stamp.IsSettled(FileStamp.Now));
    }

    [Fact]
    public void A_time_without_fraction_counts_as_one_that_steps_in_seconds()
    {
        const long second = 1_000_000_000;
        var stamp = new FileStamp(4, 1000 * second, 0, 0);
        Assert.False(stamp.IsSettled(1001 * second));
        Assert.True(stamp.IsSettled(1003 * second));
    }
}
