using System.Diagnostics;
using MergeTasks.Sources.Contract;
using MergeTasks.Sources.References;
using MergeTasks.TestSupport.Servers;

namespace MergeTasks.Sources.Tests;

/// <summary>A Hub that refuses, fails, breaks off or lies.</summary>
public sealed class HubFaulty : IDisposable
{
    private readonly SourcesProject _project = new();
    private readonly IReadOnlyList<(string Name, byte[] Content)> _files = SourcesProject.Files(1, 3_000_000);

    public HubFaulty() => _project.Hub.Push("org/model", "main", _files);

    public void Dispose() => _project.Dispose();

    private byte[] Weights => _files.Single(file => file.Name == "model.safetensors").Content;

    private string Blobs => Path.Combine(_project.HubFolder, "models--org--model", "blobs");

    [Fact]
    public void A_connection_that_breaks_is_taken_up_where_it_broke()
    {
        var cuts = new Queue<int>([1_000_000, 700_000, 5]);
        _project.Hub.StorageFault = (_, answer) => cuts.TryDequeue(out var cut) ? answer with { CutAfter = cut } : answer;
        var restored = _project.Restore("hf:org/model");
        Assert.Equal(Weights, File.ReadAllBytes(Path.Combine(restored.Folder, "model.safetensors")));
        var ranges = _project.Hub.Downloads.Select(request => request["Range"]).ToList();
        Assert.Equal(4, ranges.Count);
        Assert.Null(ranges[0]);
        Assert.All(ranges.Skip(1), range => Assert.Matches("^bytes=[1-9][0-9]*-$", range));

        // Not one byte twice.
        Assert.Equal(_project.Progress.Announced, _project.Progress.Bytes);
        Assert.Equal(Weights.Length, Sent(cutsOf: [1_000_000, 700_000, 5]));
        int Sent(int[] cutsOf) =>
            cutsOf.Sum() + (Weights.Length - int.Parse(ranges[3]!["bytes=".Length..^1], System.Globalization.CultureInfo.InvariantCulture));
    }

    [Fact]
    public void A_restore_that_was_interrupted_goes_on_in_the_next_build()
    {
        using var cancel = new CancellationTokenSource();
        _project.Hub.StorageFault = (_, answer) => answer with { Pause = TimeSpan.FromMilliseconds(2) };
        _project.Progress.OnReceived = received =>
        {
            if (received > 1_000_000)
                cancel.Cancel();
        };
        Assert.ThrowsAny<OperationCanceledException>(() => _project.RestoreAll(["hf:org/model"], cancellation: cancel.Token));
        Assert.False(File.Exists(_project.LockPath));
        var partial = new FileInfo(Path.Combine(Blobs, LoopbackHub.Sha256(Weights) + ".incomplete"));
        Assert.InRange(partial.Length, 900_000, Weights.Length - 1);
        var had = partial.Length;
        _project.Hub.Forget();
        _project.Progress.OnReceived = null;
        _project.Hub.StorageFault = (_, answer) => answer;
        var restored = _project.Restore("hf:org/model");
        Assert.Equal(Weights, File.ReadAllBytes(Path.Combine(restored.Folder, "model.safetensors")));
        Assert.Equal($"bytes={had}-", _project.Hub.Downloads.Single()["Range"]);
    }

    [Fact]
    public void A_server_that_knows_no_ranges_begins_anew()
    {
        var answers = 0;
        _project.Hub.StorageFault =
            (_, answer) =>
                ++answers == 1 ? answer with { CutAfter = 1_000_000 } : answer with { Status = 200, Body = Weights, Headers = [] };
        Assert.Equal(Weights, File.ReadAllBytes(Path.Combine(_project.Restore("hf:org/model").Folder, "model.safetensors")));
    }

    [Theory]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(502)]
    [InlineData(503)]
    [InlineData(504)]
    public void A_failure_that_passes_is_waited_out(int status)
    {
        var failures = new System.Collections.Concurrent.ConcurrentDictionary<string, int>();
        _project.Hub.Fault =
            request => failures.AddOrUpdate(request.Path, 1, (_, count) => count + 1) <= 2 ? WebAnswer.Text(status, "later") : null;
        _project.Restore("hf:org/model");
        Assert.Contains(_project.Progress.Texts, note => note.Contains("Trying again", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(500, SourceError.Unavailable)]
    [InlineData(429, SourceError.RateLimited)]
    internal void A_failure_that_stays_ends_the_restore_after_five_attempts(int status, SourceError error)
    {
        _project.Hub.Fault = _ => WebAnswer.Text(status, "never");
        var fault = _project.Refused("hf:org/model");
        Assert.Equal(error, fault.Error);
        Assert.Contains($"{status}", fault.Message, StringComparison.Ordinal);
        Assert.Equal(5, _project.Hub.Requests.Count);
    }

    [Fact]
    public void The_wait_that_a_server_asks_for_is_kept()
    {
        var first = true;
        _project.Hub.Fault = _ => Interlocked.Exchange(ref first, false) ? WebAnswer.Text(429, "", ("Retry-After", "1")) : null;
        var watch = Stopwatch.StartNew();
        _project.Restore("hf:org/model");
        Assert.InRange(watch.Elapsed.TotalSeconds, 1, 20);
    }

    [Theory]
    [InlineData("\"api\";r=0;t=1")]
    [InlineData("\"resolvers\";r=12;t=3000, \"api\"; r=0; t=1")]
    public void The_end_of_a_window_of_requests_is_waited_for_and_told(string limit)
    {
        var first = true;
        _project.Hub.Fault = _ => Interlocked.Exchange(ref first, false)
            ? WebAnswer.Text(429, "", ("RateLimit", limit), ("RateLimit-Policy", "\"fixed window\";\"api\";q=500;w=300"))
            : null;
        var watch = Stopwatch.StartNew();
        _project.Restore("hf:org/model");
        Assert.InRange(watch.Elapsed.TotalSeconds, 1, 20);
        Assert.Contains(_project.Progress.Texts, text => text.Contains("it asks to wait 1 s", StringComparison.Ordinal));
    }

    [Fact]
    public void A_wait_of_an_hour_is_an_error_and_not_waited_for()
    {
        _project.Hub.Fault = _ => WebAnswer.Text(429, "", ("Retry-After", "3600"));
        var fault = _project.Refused("hf:org/model");
        Assert.Equal(SourceError.RateLimited, fault.Error);
        Assert.Contains("3600 s", fault.Message, StringComparison.Ordinal);
        Assert.Contains("HF_TOKEN", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_server_that_falls_silent_counts_as_lost()
    {
        _project.IdleTimeout = TimeSpan.FromSeconds(0.5);
        var first = true;
        _project.Hub.StorageFault =
            (_, answer) => Interlocked.Exchange(ref first, false) ? answer with { CutAfter = 500_000, Hangs = true } : answer;
        _project.Restore("hf:org/model");
        Assert.Equal(2, _project.Hub.Downloads.Count);
    }

    [Fact]
    public void Nobody_there()
    {
        _project.Hub.Dispose();
        var fault = _project.Refused("hf:org/model");
        Assert.Equal(SourceError.Unavailable, fault.Error);
        Assert.Contains("127.0.0.1", fault.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(_project.LockPath));
    }

    [Fact]
    public void Wrong_bytes_are_not_kept()
    {
        _project.Hub.StorageFault = (_, answer) => answer with { Body = [.. answer.Body[..^1], (byte)(answer.Body[^1] ^ 1)] };
        var fault = _project.Refused("hf:org/model");
        Assert.Equal(SourceError.Corrupt, fault.Error);
        Assert.Contains(LoopbackHub.Sha256(Weights), fault.Message, StringComparison.Ordinal);
        Assert.Contains(LoopbackHub.Sha256([.. Weights[..^1], (byte)(Weights[^1] ^ 1)]), fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(
            Directory.GetFiles(Blobs), path => Path.GetFileName(path).StartsWith(LoopbackHub.Sha256(Weights), StringComparison.Ordinal));
        Assert.False(File.Exists(_project.LockPath));
    }

    [Fact]
    public void A_small_file_with_wrong_bytes()
    {
        _project.Hub.Fault =
            request =>
                request.Path.EndsWith("config.json", StringComparison.Ordinal) ? WebAnswer.Text(200, """{"model_type":"lmaaa"}""") : null;
        Assert.Equal(SourceError.Corrupt, _project.Refused("hf:org/model").Error);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    public void Another_length_than_announced(int more)
    {
        _project.Hub.StorageFault = (_, answer) => answer with { Body = more < 0 ? answer.Body[..^1] : [.. answer.Body, 0] };
        var fault = _project.Refused("hf:org/model");
        Assert.Equal(SourceError.Corrupt, fault.Error);
        Assert.Contains($"{Weights.Length} bytes", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_an_earlier_attempt_left_is_not_trusted()
    {
        Directory.CreateDirectory(Blobs);
        File.WriteAllBytes(Path.Combine(Blobs, LoopbackHub.Sha256(Weights) + ".incomplete"), SourcesProject.Bytes(99, 1_000_000));
        Assert.Equal(Weights, File.ReadAllBytes(Path.Combine(_project.Restore("hf:org/model").Folder, "model.safetensors")));
        Assert.Equal(["bytes=1000000-", null], _project.Hub.Downloads.Select(request => request["Range"]));
    }

    [Fact]
    public void A_server_that_answers_for_another_commit()
    {
        _project.Hub.Fault =
            request => request.Path.Contains("/resolve/") ? new WebAnswer(200, Weights, ("X-Repo-Commit", new string('b', 40))) : null;
        Assert.Contains(new string('b', 40), _project.Refused("hf:org/model").Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_answer_that_is_no_json()
    {
        _project.Hub.Fault = _ => WebAnswer.Text(200, "<html>Sign in to the airport's network</html>");
        Assert.Contains("HF_ENDPOINT", _project.Refused("hf:org/model").Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_gated_repository_says_where_to_ask()
    {
        _project.Hub.Protect("org/model", "hf_right");
        var fault = _project.Refused("hf:org/model");
        Assert.Equal(SourceError.Unauthorized, fault.Error);
        Assert.Contains($"{_project.Hub.Endpoint}/org/model", fault.Message, StringComparison.Ordinal);
        Assert.Contains("HF_TOKEN", fault.Message, StringComparison.Ordinal);
        _project.Variables["HF_TOKEN"] = "hf_wrong";
        Assert.Equal(SourceError.Unauthorized, _project.Refused("hf:org/model").Error);
        _project.Variables["HF_TOKEN"] = "hf_right";
        _project.Restore("hf:org/model");
    }

    [Fact]
    public void The_token_of_a_login_is_used()
    {
        _project.Hub.Protect("org/model", "hf_right");
        Directory.CreateDirectory(_project["hf home"]);
        File.WriteAllText(_project["hf home", "token"], "hf_right\n");
        _project.Variables["HF_HOME"] = _project["hf home"];
        _project.Restore("hf:org/model");
    }

    [Theory]
    [InlineData("hf:org/nothing", "org/nothing")]
    [InlineData("hf:org/model@nothing", "nothing")]
    [InlineData("hf:org/model@0123456789012345678901234567890123456789", "0123456789012345678901234567890123456789")]
    public void What_does_not_exist_is_named(string reference, string named)
    {
        var fault = _project.Refused(reference);
        Assert.Equal(SourceError.NotFound, fault.Error);
        Assert.Contains($"'{named}'", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("pytorch_model.bin", SourceError.RefusedFormat)]
    [InlineData("model.gguf", SourceError.NoWeights)]
    internal void A_repository_without_safetensors_fetches_nothing(string name, SourceError error)
    {
        _project.Hub.Push("org/old", "main", [("config.json", "{}"u8.ToArray()), (name, SourcesProject.Bytes(1, 10))]);
        Assert.Equal(error, _project.Refused("hf:org/old").Error);
        Assert.DoesNotContain(_project.Hub.Requests, request => request.Path.Contains("/resolve/"));
    }

    [Fact]
    public void A_full_disk_is_noticed_before_the_first_byte()
    {
        var fault = _project.Refused("hf:org/model", options => options with { FreeSpace = _ => 1000 });
        Assert.Equal(SourceError.DiskSpace, fault.Error);
        Assert.DoesNotContain(_project.Hub.Requests, request => request.Path.Contains("/resolve/"));
    }
}
