using MergeTasks.Sources.Contract;
using MergeTasks.Sources.Hub;
using MergeTasks.Sources.Locking;
using MergeTasks.Sources.References;
using MergeTasks.TestSupport.Servers;

namespace MergeTasks.Sources.Tests;

/// <summary>The lock file: what it pins, and who may change it.</summary>
public sealed class Locks : IDisposable
{
    private readonly SourcesProject _project = new();

    public Locks()
    {
        _project.Hub.Push("org/a", "main", SourcesProject.Files(1));
        _project.Hub.Push("org/b", "main", SourcesProject.Files(5));
    }

    public void Dispose() => _project.Dispose();

    [Fact]
    public void It_holds_no_path_and_no_address_and_is_the_same_everywhere()
    {
        _project.RestoreAll(["hf:org/b", "org/a"]);
        var text = File.ReadAllText(_project.LockPath);
        Assert.DoesNotContain(_project.HubFolder, text, StringComparison.Ordinal);
        Assert.DoesNotContain("127.0.0.1", text, StringComparison.Ordinal);
        File.Delete(_project.LockPath);
        _project.RestoreAll(["hf:org/a@main", "hf:org/b"]);
        Assert.Equal(text, File.ReadAllText(_project.LockPath));
    }

    [Fact]
    public void Its_order_is_that_of_bytes_and_not_of_the_readers_language()
    {
        var files = new[] { "b_c.json", "b.json", "B.json", "a.json" }.ToDictionary(
            name => name, _ => new LockedFile(1, new string('a', 64)));
        var model = new LockedModel(HubScheme.Type, new string('c', 40), files);
        Assert.Equal(["B.json", "a.json", "b.json", "b_c.json"], model.Files.Keys);
        LockFile.Write(_project.LockPath, new Dictionary<string, LockedModel> { ["hf:org/a@main"] = model });
        Assert.Equal(model.Files.Keys, SourceSchemes.ReadLock(_project.LockPath)["hf:org/a@main"].Files.Keys);
    }

    [Fact]
    public void A_flipped_byte_is_reported_with_both_hashes_and_mended_by_deleting_the_file()
    {
        var restored = _project.Restore("hf:org/a");
        var weights = new FileInfo(Path.Combine(restored.Folder, "model.safetensors")).ResolveLinkTarget(true)!.FullName;
        var before = File.ReadAllBytes(weights);
        var written = File.GetLastWriteTimeUtc(weights);
        var bytes = (byte[])before.Clone();
        bytes[1000] ^= 1;
        File.WriteAllBytes(weights, bytes);
        File.SetLastWriteTimeUtc(weights, written);
        var fault = _project.Refused("hf:org/a");
        Assert.Equal(SourceError.LockedFileChanged, fault.Error);
        Assert.Contains(TestSupport.Servers.LoopbackHub.Sha256(before), fault.Message, StringComparison.Ordinal);
        Assert.Contains(TestSupport.Servers.LoopbackHub.Sha256(bytes), fault.Message, StringComparison.Ordinal);
        Assert.Contains(weights, fault.Message, StringComparison.Ordinal);
        File.Delete(weights);
        Assert.Equal(before, File.ReadAllBytes(Path.Combine(_project.Restore("hf:org/a").Folder, "model.safetensors")));
    }

    [Fact]
    public void A_flipped_byte_is_found_without_a_lock_too()
    {
        var restored = _project.Restore("hf:org/a");
        var weights = new FileInfo(Path.Combine(restored.Folder, "model.safetensors")).ResolveLinkTarget(true)!.FullName;
        var bytes = File.ReadAllBytes(weights);
        bytes[^1] ^= 1;
        File.WriteAllBytes(weights, bytes);
        File.Delete(_project.LockPath);
        Assert.Equal(SourceError.Corrupt, _project.Refused("hf:org/a").Error);
        Assert.False(File.Exists(_project.LockPath));
    }

    [Fact]
    public void Locked_mode_fails_on_a_reference_too_few_or_too_many()
    {
        Assert.Equal(SourceError.LockDiffers, _project.Refused("hf:org/a", Locked).Error);
        Assert.Empty(_project.Hub.Requests);
        _project.Restore("hf:org/a");
        var text = File.ReadAllText(_project.LockPath);
        _project.Restore("hf:org/a", Locked);
        var faults = Assert.Throws<RestoreException>(() => _project.Restore("hf:org/b", Locked)).Faults;
        Assert.Equal(["hf:org/b@main", null], faults.Select(fault => fault.Key));
        Assert.Contains("hf:org/a@main", faults[1].Exception.Message, StringComparison.Ordinal);
        Assert.Equal(text, File.ReadAllText(_project.LockPath));
    }

    [Fact]
    public void Without_locked_mode_it_follows_the_project()
    {
        _project.Restore("hf:org/a");
        _project.Restore("hf:org/b");
        Assert.Equal(["hf:org/b@main"], SourceSchemes.ReadLock(_project.LockPath).Keys);
    }

    [Fact]
    public void Offline_names_everything_that_is_missing_and_asks_nobody()
    {
        var faults =
            Assert.Throws<RestoreException>(() =>
                _project.RestoreAll(["hf:org/a", "hf:org/b", "nuget:Some.Package/1.0.0"], Offline)).Faults;
        Assert.Equal(["hf:org/a@main", "hf:org/b@main", "nuget:Some.Package/1.0.0"], faults.Select(fault => fault.Key));
        Assert.All(faults, fault => Assert.Equal(SourceError.Offline, fault.Exception.Error));
        Assert.Empty(_project.Hub.Requests);

        // What is there is enough, with the lock file and without it.
        _project.Restore("hf:org/a");
        _project.Hub.Forget();
        _project.Restore("hf:org/a", Offline);
        File.Delete(_project.LockPath);
        _project.Restore("hf:org/a", Offline);

        // A locked model of which one file has gone.
        File.Delete(Path.Combine(_project.Restore("hf:org/a").Folder, "tokenizer.json"));
        Assert.Contains("tokenizer.json", _project.Refused("hf:org/a", Offline).Message, StringComparison.Ordinal);
        Assert.Empty(_project.Hub.Requests);
    }

    [Fact]
    public void The_users_own_switch_for_offline_counts()
    {
        _project.Variables["HF_HUB_OFFLINE"] = "1";
        Assert.Equal(SourceError.Offline, _project.Refused("hf:org/a").Error);
    }

    [Theory]
    [InlineData("{", "JSON", 1)]
    [InlineData("<<<<<<< HEAD\n{}", "", 1)]
    [InlineData("""{"version":2,"models":{}}""", "version", 0)]
    [InlineData("""{"version":1}""", "models", 0)]
    [InlineData("""{"version":1,"models":{"hf:org/a@main":null}}""", "hf:org/a@main", 0)]
    [InlineData(
        """{"version":1,"models":{"hf:org/a@main":{"type":"hub","resolved":"../../../evil","files":{"config.json":{"size":1,"sha256":"HASH"}}}}}""", "hf:org/a@main", 0)]
    [InlineData(
        """{"version":1,"models":{"hf:org/a@main":{"type":"hub","resolved":"COMMIT","files":{"../../evil":{"size":1,"sha256":"HASH"}}}}}""",
        "hf:org/a@main",
        0)]
    [InlineData(
        """{"version":1,"models":{"hf:org/a@main":{"type":"hub","resolved":"COMMIT","files":{"config.json":{"size":1,"sha256":"short"}}}}}""", "hf:org/a@main", 0)]
    [InlineData(
        """{"version":1,"models":{"nuget:A/1.0.0":{"type":"nuget","resolved":"../..","files":{"config.json":{"size":1,"sha256":"HASH"}}}}}""", "nuget:A/1.0.0", 0)]
    public void A_lock_file_that_is_none_is_refused_and_kept(string text, string hint, int line)
    {
        text = text.Replace("HASH", new string('a', 64), StringComparison.Ordinal)
            .Replace("COMMIT", new string('b', 40), StringComparison.Ordinal);
        File.WriteAllText(_project.LockPath, text);
        var fault = _project.Refused("hf:org/a");
        Assert.Equal(SourceError.BadLockFile, fault.Error);
        Assert.Equal(_project.LockPath, fault.File);
        Assert.Equal(line, fault.Line);
        Assert.Contains(hint, fault.Message, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(text, File.ReadAllText(_project.LockPath));
        Assert.Empty(_project.Hub.Requests);
    }

    [Fact]
    public void Switches_that_contradict_each_other()
    {
        Assert.Equal(
            SourceError.LockDiffers, _project.Refused("hf:org/a", options => options with { Update = true, LockedMode = true }).Error);
        Assert.Equal(SourceError.Offline, _project.Refused("hf:org/a", options => options with { Update = true, Offline = true }).Error);
    }

    private static RestoreOptions Locked(RestoreOptions options) => options with { LockedMode = true };

    private static RestoreOptions Offline(RestoreOptions options) => options with { Offline = true };
}
