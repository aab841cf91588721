using MergeTasks.TestSupport;

namespace MergeTasks.Caching.Tests;

public sealed class StampSnapshots : IDisposable
{
    private readonly TempFolder _folder = new();

    public StampSnapshots()
    {
        Directory.CreateDirectory(_folder["models", "inner"]);
        File.WriteAllText(_folder["models", "a"], "one");
        File.WriteAllText(_folder["models", "b"], "two");
        File.WriteAllText(_folder["file"], "three");
        FileStamp.Of(_folder["file"])!.Value.Settle();
        Thread.Sleep(50);
    }

    public void Dispose() => _folder.Dispose();

    private StampSnapshot Take() => StampSnapshot.Take([_folder["models"], _folder["file"], _folder["absent"]], FileStamp.Now);

    [Fact]
    public void Nothing_changed_is_the_same_snapshot_and_settled()
    {
        var before = Take();
        Assert.True(before.IsSettled);
        Assert.Equal(before, Take());
    }

    [Theory]
    [InlineData("added")]
    [InlineData("removed")]
    [InlineData("renamed")]
    [InlineData("edited")]
    [InlineData("touched")]
    [InlineData("folder added")]
    [InlineData("file edited")]
    [InlineData("file removed")]
    [InlineData("absent file appears")]
    [InlineData("absent folder appears")]
    [InlineData("folder removed")]
    public void Every_change_shows(string change)
    {
        var before = Take();
        switch (change)
        {
            case "added": File.WriteAllText(_folder["models", "c"], ""); break;
            case "removed": File.Delete(_folder["models", "b"]); break;
            case "renamed": File.Move(_folder["models", "b"], _folder["models", "c"]); break;
            case "edited": File.WriteAllText(_folder["models", "b"], "TWO"); break;
            case "touched": File.SetLastWriteTimeUtc(_folder["models", "b"], DateTime.UtcNow); break;
            case "folder added": Directory.CreateDirectory(_folder["models", "c"]); break;
            case "file edited": File.AppendAllText(_folder["file"], "!"); break;
            case "file removed": File.Delete(_folder["file"]); break;
            case "absent file appears": File.WriteAllText(_folder["absent"], ""); break;
            case "absent folder appears": Directory.CreateDirectory(_folder["absent"]); break;
            default: Directory.Delete(_folder["models"], recursive: true); break;
        }

        Assert.NotEqual(before.Digest, Take().Digest);
    }

    [Fact]
    public void What_changed_after_somebody_began_to_read_is_not_settled()
    {
        var start = FileStamp.Now;
        Assert.True(StampSnapshot.Take([_folder["models"]], start).IsSettled);
        File.WriteAllText(_folder["models", "b"], "new");
        Assert.False(StampSnapshot.Take([_folder["models"]], start).IsSettled);
    }

    [Fact]
    public void A_name_that_went_after_somebody_began_to_read_is_not_settled()
    {
        var start = FileStamp.Now;
        File.Delete(_folder["models", "b"]);
        Assert.False(StampSnapshot.Take([_folder["models"]], start).IsSettled);
    }
}
