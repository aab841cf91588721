using MergeTasks.Files;
using MergeTasks.TestSupport;

namespace MergeTasks.Caching.Tests;

public sealed class RememberedDigests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly List<string> _read = [];
    private readonly List<string> _warnings = [];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_file_is_read_once_while_its_stamp_stays()
    {
        var path = Settled("a", "text");
        var digest = Hasher().DigestWhole(path, default);
        Assert.Equal(digest, Hasher().DigestWhole(path, default));
        Assert.Equal([path], _read);
    }

    [Fact]
    public void A_file_changed_within_the_tick_in_which_it_was_read_is_read_again()
    {
        var path = _folder["a"];
        File.WriteAllText(path, "text");
        var stamp = FileStamp.Of(path)!.Value;
        Memo()
            .Remember(
                path,
                DigestKind.Sha256,
                new FileDigests(
                    stamp,
                    Math.Max(stamp.Modified, stamp.Changed),
                    new Dictionary<string, ContentDigest> { [FileHasher.Whole] = ContentDigest.Of("old") }));
        Assert.Equal(ContentDigest.Of("text"), Hasher().DigestWhole(path, default));
        Assert.Equal([path], _read);
    }

    [Fact]
    public void A_damaged_entry_counts_as_absent()
    {
        var path = Settled("a", "text");
        var expected = Hasher().DigestWhole(path, default);
        var entry = Assert.Single(Directory.GetFiles(_folder["cache"], "*.txt", SearchOption.AllDirectories));
        var text = File.ReadAllBytes(entry);
        var random = new Random(5);
        for (var i = 0; i < 300; i++)
        {
            var damaged = text.ToArray();
            if (i % 3 == 0)
                damaged = damaged[..random.Next(damaged.Length)];
            else
                damaged[random.Next(damaged.Length)] ^= (byte)(1 << random.Next(8));
            File.WriteAllBytes(entry, damaged);
            _read.Clear();
            Assert.Equal(expected, Hasher().DigestWhole(path, default));
            Assert.Equal([path], _read);
        }
    }

    [Fact]
    public void An_entry_of_another_version_counts_as_absent()
    {
        var path = Settled("a", "text");
        var expected = Hasher().DigestWhole(path, default);
        var entry = Assert.Single(Directory.GetFiles(_folder["cache"], "*.txt", SearchOption.AllDirectories));
        var lines = File.ReadAllLines(entry)[..^1];
        Assert.Equal("mergetasks digests 1", lines[0]);
        lines[0] = "mergetasks digests 0";
        var text = string.Concat(lines.Select(line => line + "\n"));
        File.WriteAllText(entry, $"{text}{ContentDigest.Of(text)} end\n");
        _read.Clear();
        Assert.Equal(expected, Hasher().DigestWhole(path, default));
        Assert.Equal([path], _read);
    }

    [Fact]
    public void An_entry_of_another_file_under_this_files_name_counts_as_absent()
    {
        var (a, b) = (Settled("a", "text"), Settled("b", "next"));
        Hasher().DigestWhole(a, default);
        var entry = Assert.Single(Directory.GetFiles(_folder["cache"], "*.txt", SearchOption.AllDirectories));
        var stolen = File.ReadAllBytes(entry);
        Hasher().DigestWhole(b, default);
        foreach (var file in Directory.GetFiles(_folder["cache"], "*.txt", SearchOption.AllDirectories))
            File.WriteAllBytes(file, stolen);
        Assert.Equal(ContentDigest.Of("next"), Hasher().DigestWhole(b, default));
    }

    [Fact]
    public void A_cache_folder_that_cannot_be_made_costs_reading_again_and_warns_once()
    {
        File.WriteAllText(_folder["cache"], "a file in the folder's place");
        var (a, b) = (Settled("a", "text"), Settled("b", "next"));
        var hasher = Hasher();
        hasher.DigestWhole(a, default);
        hasher.DigestWhole(b, default);
        Assert.Equal(ContentDigest.Of("text"), hasher.DigestWhole(a, default));
        Assert.Equal([a, b, a], _read);
        Assert.Single(_warnings);
    }

    [Fact]
    public void A_part_whose_name_breaks_a_line_cannot_forge_another_part()
    {
        var path = Settled("a", "text");
        var forged = $"x\n{ContentDigest.Of("lie")} y";
        IReadOnlyList<FilePart> parts = [new(forged, 0, 2), new("z", 2, 2)];
        for (var i = 0; i < 2; i++)
            Assert.Equal(
                [forged, "z"], Hasher().Digest(path, DigestKind.Sha256, () => parts, default).Parts.Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_file_that_changes_while_it_is_read_is_read_again()
    {
        var path = Settled("a", "text");
        var changes = 0;
        var hasher = new FileHasher(Memo(), 1) { Hashed = _ => Change() };
        Assert.Equal(ContentDigest.Of("text!"), hasher.DigestWhole(path, default));

        void Change()
        {
            if (changes++ == 0)
                File.AppendAllText(path, "!");
        }
    }

    [Fact]
    public void A_file_that_goes_on_changing_is_an_error()
    {
        var path = Settled("a", "text");
        var hasher = new FileHasher(Memo(), 1) { Hashed = _ => File.AppendAllText(path, "!") };
        Assert.Equal(FileFaultKind.Changed, Assert.Throws<FileFault>(() => hasher.DigestWhole(path, default)).Kind);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void A_file_that_is_cut_short_while_it_is_hashed_is_one_fault(int threads)
    {
        var path = Settled("a", new string('x', 8 << 20));
        var hasher = new FileHasher(Memo(), threads) { Hashed = _ => File.WriteAllText(path, "x") };
        Assert.Equal(FileFaultKind.Changed, Assert.Throws<FileFault>(() => hasher.DigestWhole(path, default)).Kind);
        Assert.Empty(Directory.EnumerateFiles(_folder["cache"], "*.txt", SearchOption.AllDirectories));
    }

    private string Settled(string name, string text)
    {
        File.WriteAllText(_folder[name], text);
        FileStamp.Of(_folder[name])!.Value.Settle();
        return _folder[name];
    }

    private DigestMemo Memo() => new(_folder["cache"]) { Unwritable = _warnings.Add };

    private FileHasher Hasher() => new(Memo(), 2) { Reading = (path, _) => _read.Add(path) };
}
