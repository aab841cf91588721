using System.IO.Compression;
using System.Text;
using MergeTasks.Caching.Remote;
using MergeTasks.TestSupport.Servers;

namespace MergeTasks.Caching.Tests.Remote;

/// <summary>What one machine computes others take; whatever a server does, an entry is right or computed, and nothing fails.</summary>
public sealed class SharedEntries : IDisposable
{
    private readonly LoopbackCache _cache = new();

    public void Dispose() => _cache.Dispose();

    [Fact]
    public void What_one_machine_makes_the_others_take()
    {
        using var first = new RemoteMachine(_cache.Address);
        using var second = new RemoteMachine(_cache.Address + "/");
        Assert.Equal(first.Get(1), second.Get(1));
        Assert.Equal(second.Get(1), second.Get(1));
        Assert.Equal((1, 0), (first.Made, second.Made));
        Assert.Equal(
            [$"/ac/{RemoteMachine.Key(1)}", $"/cas/{ContentDigest.Of(RemoteMachine.Bytes(1))}"],
            _cache.Entries.Keys);
        Assert.Empty(first.Problems.Concat(second.Problems));
        Assert.Empty(second.Temporary);

        // The local cache comes first: no more requests than those for the one miss, the upload, and the one download.
        Assert.Equal(["GET", "PUT", "PUT", "GET", "GET"], _cache.Requests.Select(request => request.Method));
        Assert.All(_cache.Requests, request => Assert.Null(request["Authorization"]));
    }

    [Fact]
    public void Looking_for_an_entry_fetches_it_and_refreshing_makes_it_anew()
    {
        using var first = new RemoteMachine(_cache.Address);
        using var second = new RemoteMachine(_cache.Address) { Refreshes = true };
        first.Get(1, "old");
        Assert.Equal("1:new", second.Get(1, "new"));
        using var third = new RemoteMachine(_cache.Address);
        var store = new ContentStore(third.Folder, new FileHasher(new DigestMemo(third.Folder), 1)) { Shared = third.Shared };
        Assert.True(store.Has(RemoteMachine.Key(1), _ => true, default));
        Assert.False(store.Has(RemoteMachine.Key(2), _ => true, default));
        Assert.Empty(Directory.EnumerateFiles(third.Folder, "*.safetensors", SearchOption.AllDirectories));
        Assert.Equal("1:new", File.ReadAllText(store.Find(RemoteMachine.Key(1), _ => true, default)!));
        Assert.Null(store.Find(RemoteMachine.Key(2), _ => true, default));
    }

    [Fact]
    public void A_cache_that_is_only_read_gets_nothing()
    {
        using var first = new RemoteMachine(_cache.Address, isReadOnly: true);
        first.Get(1);
        Assert.Empty(_cache.Entries);
        Assert.DoesNotContain(_cache.Requests, request => request.Method != "GET");
        Assert.Empty(first.Problems);
    }

    [Theory]
    [InlineData("text")]
    [InlineData("empty")]
    [InlineData("cut")]
    [InlineData("huge")]
    [InlineData("other digest")]
    [InlineData("other length")]
    [InlineData("other content")]
    [InlineData("other entry")]
    [InlineData("page")]
    [InlineData("gzip")]
    [InlineData("endless")]
    public void An_entry_that_lies_is_made_instead_and_told_once(string lie)
    {
        using var first = new RemoteMachine(_cache.Address);
        foreach (var number in new[] { 1, 2 })
            first.Get(number);
        var (digest, length) = (ContentDigest.Of(RemoteMachine.Bytes(1)), RemoteMachine.Bytes(1).Length);
        var (result, content) = ($"/ac/{RemoteMachine.Key(1)}", $"/cas/{digest}");
        var entries = _cache.Entries;
        switch (lie)
        {
            case "text":
                entries[result] = "not found, sorry"u8.ToArray();
                break;
            case "empty":
                entries[result] = [];
                break;
            case "cut":
                entries[result] = entries[result][..^3];
                break;
            case "huge":
                entries[result] = new ActionResult(digest, 1L << 50).ToBytes();
                break;
            case "other digest":
                entries[result] = new ActionResult(ContentDigest.Of("x"), length).ToBytes();
                entries[$"/cas/{ContentDigest.Of("x")}"] = entries[content];
                break;
            case "other length":
                entries[result] = new ActionResult(digest, length + 1).ToBytes();
                break;
            case "other content":
                entries[content] = [.. entries[content][..^1], (byte)'y'];
                break;
            case "other entry":
                entries[result] = entries[$"/ac/{RemoteMachine.Key(2)}"];
                break;
            case "page":
                _cache.Fault = request => WebAnswer.Text(200, "<html>Please log in</html>", ("Content-Type", "text/html"));
                break;
            case "gzip":
                var packed = new MemoryStream();
                using (var zip = new GZipStream(packed, CompressionLevel.Fastest))
                    zip.Write(entries[content]);
                _cache.Fault = request => request.Path == content && request.Method == "GET"
                    ? new WebAnswer(200, packed.ToArray(), ("Content-Encoding", "gzip")) : null;
                break;
            default:
                _cache.Fault = request => request.Path == content && request.Method == "GET"
                    ? new WebAnswer(200, new byte[length + 100]) : null;
                break;
        }

        using var second = new RemoteMachine(_cache.Address);
        Assert.Equal(RemoteMachine.Text(1), second.Get(1));
        Assert.Equal(1, second.Made);
        var problem = Assert.Single(second.Problems);
        Assert.True(problem.IsOfEntry, problem.Message);
        Assert.Contains(_cache.Address, problem.Message, StringComparison.Ordinal);
        Assert.Empty(second.Temporary);
        if (lie == "page")
            return;

        // The others are as good as before, and what was made has taken the place of what lied.
        second.Get(2);
        Assert.Equal(1, second.Made);
        _cache.Fault = _ => null;
        using var third = new RemoteMachine(_cache.Address);
        Assert.Equal(RemoteMachine.Text(1), third.Get(1));
        Assert.Equal(0, third.Made);
        Assert.Empty(third.Problems);
    }

    [Fact]
    public void An_entry_larger_than_the_cache_may_be_is_not_fetched()
    {
        using var first = new RemoteMachine(_cache.Address);
        first.Get(1);
        _cache.Forget();
        using var second = new RemoteMachine(_cache.Address) { SizeLimit = 1000 };
        second.Get(1);
        Assert.Equal(1, second.Made);
        Assert.DoesNotContain(
            _cache.Requests, request => request.Method == "GET" && request.Path.StartsWith("/cas/", StringComparison.Ordinal));
    }

    [Fact]
    public void A_content_that_is_gone_is_a_miss_without_a_word()
    {
        using var first = new RemoteMachine(_cache.Address);
        first.Get(1);
        _cache.Entries.Remove($"/cas/{ContentDigest.Of(RemoteMachine.Bytes(1))}");
        using var second = new RemoteMachine(_cache.Address);
        Assert.Equal(RemoteMachine.Text(1), second.Get(1));
        Assert.Empty(second.Problems);
    }

    [Theory]
    [InlineData("500", 3)]
    [InlineData("429", 3)]
    [InlineData("401", 1)]
    [InlineData("403", 1)]
    [InlineData("405", 1)]
    [InlineData("cut", 3)]
    [InlineData("dead", 3)]
    [InlineData("hangs", 1)]
    [InlineData("drips", 1)]
    [InlineData("redirects in a circle", 6)]
    [InlineData("redirects to a file", 1)]
    [InlineData("redirects to nowhere", 1)]
    public void A_server_that_fails_is_given_up_for_the_build(string fault, int requests)
    {
        _cache.Fault = request => fault switch
        {
            "cut" => new WebAnswer(200, new byte[100]) { CutAfter = 50 },
            "dead" => new WebAnswer(200, []) { AnnouncedLength = 70_000 },
            "hangs" => new WebAnswer(200, []) { AnnouncedLength = 70_000, Hangs = true },
            "drips" => new WebAnswer(200, new byte[900_000]) { Pause = TimeSpan.FromMilliseconds(100) },
            "redirects in a circle" => WebAnswer.Text(302, "", ("Location", request.Path)),
            "redirects to a file" => WebAnswer.Text(307, "", ("Location", "file:///etc/hostname")),
            "redirects to nowhere" => WebAnswer.Text(301, ""),
            _ => WebAnswer.Text(int.Parse(fault, null), "", ("Retry-After", "0")),
        };
        using var machine = new RemoteMachine(_cache.Address, patience: fault is "hangs" or "drips" ? 150 : 30_000);
        for (var i = 0; i < 3; i++)
            Assert.Equal(RemoteMachine.Text(i), machine.Get(i));
        Assert.Equal(3, machine.Made);
        Assert.Equal(requests, _cache.Requests.Count);
        var problem = Assert.Single(machine.Problems);
        Assert.False(problem.IsOfEntry, problem.Message);
        Assert.EndsWith("This build goes on without it.", problem.Message, StringComparison.Ordinal);
        Assert.Empty(machine.Temporary);
    }

    [Fact]
    public void A_server_that_is_not_there_is_given_up_too()
    {
        var address = _cache.Address;
        _cache.Dispose();
        foreach (var gone in new[] { address, "http://cache.invalid/merges" })
        {
            using var machine = new RemoteMachine(gone);
            Assert.Equal(RemoteMachine.Text(1), machine.Get(1));
            Assert.Contains(gone, Assert.Single(machine.Problems).Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(403)]
    [InlineData(405)]
    [InlineData(500)]
    [InlineData(507)]
    [InlineData(413)]
    [InlineData(302)]
    public void A_server_that_takes_nothing_still_gives(int status)
    {
        using (var first = new RemoteMachine(_cache.Address))
            first.Get(5);
        _cache.Fault = request => request.Method == "PUT" ? WebAnswer.Text(status, "", ("Location", "/")) : null;
        using var machine = new RemoteMachine(_cache.Address);
        foreach (var number in new[] { 1, 2, 5 })
            Assert.Equal(RemoteMachine.Text(number), machine.Get(number));
        Assert.Equal(2, machine.Made);
        Assert.False(Assert.Single(machine.Problems).IsOfEntry);
    }

    [Fact]
    public void A_connection_that_breaks_once_is_tried_again()
    {
        using var first = new RemoteMachine(_cache.Address);
        first.Get(1);
        var broken = 0;
        _cache.Fault = request => request.Path.StartsWith("/cas/", StringComparison.Ordinal) && broken++ == 0
            ? new WebAnswer(200, RemoteMachine.Bytes(1)) { CutAfter = 40_000 } : null;
        using var second = new RemoteMachine(_cache.Address);
        Assert.Equal(RemoteMachine.Text(1), second.Get(1));
        Assert.Equal((0, 2), (second.Made, broken));
        Assert.Empty(second.Problems);
    }

    [Fact]
    public void A_store_behind_the_cache_is_followed_and_told_no_password()
    {
        using var store = new LoopbackCache();
        using (var first = new RemoteMachine(store.Address))
            first.Get(1);
        store.Forget();
        _cache.Fault = request => WebAnswer.Text(302, "", ("Location", store.Address + request.Path));
        using var second = new RemoteMachine(
            _cache.Address, environment: name => name == RemoteSettings.TokenVariable ? "a-secret" : null);
        Assert.Equal(RemoteMachine.Text(1), second.Get(1));
        Assert.Equal(0, second.Made);
        Assert.All(_cache.Requests, request => Assert.Equal("Bearer a-secret", request["Authorization"]));
        Assert.All(store.Requests, request => Assert.Null(request["Authorization"]));
    }

    [Fact]
    public async Task Machines_at_the_same_time_get_the_same()
    {
        using var cache = new LoopbackCache();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Task.Run(() =>
        {
            using var machine = new RemoteMachine(cache.Address);
            for (var number = 0; number < 5; number++)
                Assert.Equal(RemoteMachine.Text((number + i) % 5), machine.Get((number + i) % 5));
            Assert.Empty(machine.Problems);
        })));
        Assert.Equal(10, cache.Entries.Count);
    }

    [Fact]
    public async Task Waiting_can_be_cancelled()
    {
        _cache.Fault = _ => new WebAnswer(200, []) { AnnouncedLength = 1000, Hangs = true };
        using var connection = new RemoteConnection(new RemoteSettings(new Uri(_cache.Address + "/")));
        using var cancellation = new CancellationTokenSource();
        var shared = new RemoteCache(connection, _ => { });
        var waiting = Task.Run(
            () => shared.TryFetch(RemoteMachine.Key(1), Path.GetTempFileName(), 1000, cancellation.Token), CancellationToken.None);
        while (_cache.Requests.Count == 0)
            await Task.Delay(1, CancellationToken.None);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    // Checked against protoc --decode_raw and --encode with the field numbers of remote_execution.proto.
    [Fact]
    public void A_result_is_the_message_of_the_protocol()
    {
        var result = new ActionResult(ContentDigest.Of("x"), 300);
        var hash = Convert.ToHexString(Encoding.ASCII.GetBytes(ContentDigest.Of("x").ToString()));
        Assert.Equal(
            $"125A0A11{Convert.ToHexString("score.safetensors"u8)}12450A40{hash}10AC02", Convert.ToHexString(result.ToBytes()));
        Assert.Equal(result, ActionResult.Parse(result.ToBytes()));

        // A server's own additions: exit_code (4), stdout_raw (5), execution_metadata (9), fixed numbers, another file before it.
        var other = Convert.FromHexString(
            "12070A0561626364652000" + "2A03616263" + "4A050A03777777" + "99010000000000000000" + "9D0100000000");
        Assert.Equal(result, ActionResult.Parse([.. other, .. result.ToBytes(), .. other]));
        for (var length = 0; length < result.ToBytes().Length; length++)
            Assert.Null(ActionResult.Parse(result.ToBytes().AsSpan(0, length)));
    }
}
