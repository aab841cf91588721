using MergeTasks.TestSupport;

namespace MergeTasks.Caching.Tests;

public sealed class ContentStores : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void An_entry_is_made_once()
    {
        var made = 0;
        for (var i = 0; i < 3; i++)
            Assert.Equal("one", File.ReadAllText(Store().GetOrAdd(Key(1), _ => true, path => Write(path, "one", ref made), null, default)));
        Assert.Equal(1, made);
        Assert.Null(Store().Find(Key(2), _ => true, default));
    }

    [Fact]
    public void Many_builds_at_once_make_an_entry_once()
    {
        var made = 0;
        Parallel.For(0, 16, new ParallelOptions { MaxDegreeOfParallelism = 8 }, _ =>
        {
            var path = Store().GetOrAdd(Key(1), _ => true, path =>
            {
                Interlocked.Increment(ref made);
                Thread.Sleep(30);
                File.WriteAllText(path, "one");
            }, null, default);
            Assert.Equal("one", File.ReadAllText(path));
        });
        Assert.Equal(1, made);
    }

    [Theory]
    [InlineData("onf")]
    [InlineData("on")]
    [InlineData("")]
    public void A_damaged_entry_counts_as_absent_and_is_made_again(string damaged)
    {
        var made = 0;
        var path = Store().GetOrAdd(Key(1), _ => true, path => Write(path, "one", ref made), null, default);
        File.WriteAllText(path, damaged);
        Assert.Null(Store().Find(Key(1), _ => true, default));
        Assert.Equal("one", File.ReadAllText(Store().GetOrAdd(Key(1), _ => true, path => Write(path, "one", ref made), null, default)));
        Assert.Equal(2, made);
    }

    [Fact]
    public void What_a_failed_or_killed_build_left_is_not_an_entry()
    {
        Assert.Throws<InvalidOperationException>(() => Store().GetOrAdd(Key(1), _ => true, path =>
        {
            File.WriteAllText(path, "half");
            throw new InvalidOperationException();
        }, null, default));
        Assert.Null(Store().Find(Key(1), _ => true, default));
        var folder = Path.GetDirectoryName(Store().GetOrAdd(Key(2), _ => true, path => File.WriteAllText(path, "two"), null, default))!;
        var left = Path.Combine(folder, $"{Key(2)}-dead.tmp");
        File.WriteAllText(left, "half");
        File.Delete(Store().Find(Key(2), _ => true, default)!);
        Assert.Equal("two", File.ReadAllText(Store().GetOrAdd(Key(2), _ => true, path => File.WriteAllText(path, "two"), null, default)));
        Assert.False(File.Exists(left));
    }

    [Fact]
    public void The_entries_that_were_not_used_for_the_longest_time_make_room()
    {
        for (var i = 0; i < 4; i++)
        {
            Store().GetOrAdd(Key(i), _ => true, path => File.WriteAllText(path, new string('x', 100)), null, default);
            Thread.Sleep(20);
        }

        Assert.NotNull(Store().Find(Key(0), _ => true, default));
        Thread.Sleep(20);
        Store(sizeLimit: 350).GetOrAdd(Key(4), _ => true, path => File.WriteAllText(path, new string('x', 100)), null, default);
        Assert.Equal(
            [true, false, false, true, true], Enumerable.Range(0, 5).Select(i => Store().Find(Key(i), _ => true, default) is not null));
    }

    [Fact]
    public void What_one_build_uses_is_not_pruned_under_it()
    {
        var store = Store(sizeLimit: 10);
        for (var i = 0; i < 3; i++)
            store.GetOrAdd(Key(i), _ => true, path => File.WriteAllText(path, new string('x', 100)), null, default);
        Assert.All(Enumerable.Range(0, 3), i => Assert.NotNull(store.Find(Key(i), _ => true, default)));
    }

    [Fact]
    public void Refreshing_makes_each_entry_once_more()
    {
        var made = 0;
        Store().GetOrAdd(Key(1), _ => true, path => Write(path, "one", ref made), null, default);
        var refreshing = new ContentStore(_folder.Path, Hasher()) { Refreshes = true };
        for (var i = 0; i < 2; i++)
            refreshing.GetOrAdd(Key(1), _ => true, path => Write(path, "one", ref made), null, default);
        Assert.Equal(2, made);
    }

    [Fact]
    public void Cleaning_removes_entries_and_digests_and_nothing_else()
    {
        File.WriteAllText(_folder["mine.txt"], "");
        Store().GetOrAdd(Key(1), _ => true, path => File.WriteAllText(path, "one"), null, default);
        Assert.Equal(3, ContentStore.Clean(_folder.Path));
        Assert.Equal([_folder["mine.txt"]], Directory.GetFileSystemEntries(_folder.Path));
        Assert.Equal(0, ContentStore.Clean(_folder.Path));
    }

    private static ContentDigest Key(int number) => ContentDigest.Of($"key {number}");

    private static void Write(string path, string text, ref int made)
    {
        made++;
        File.WriteAllText(path, text);
    }

    private FileHasher Hasher() => new(new DigestMemo(_folder.Path), 1);

    private ContentStore Store(long sizeLimit = ContentStore.DefaultSizeLimit) => new(_folder.Path, Hasher()) { SizeLimit = sizeLimit };
}
