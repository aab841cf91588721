using System.Text.Json;
using MergeTasks.Sources.Contract;
using MergeTasks.Sources.References;
using MergeTasks.TestSupport.Servers;

namespace MergeTasks.Sources.Tests;

/// <summary>Models in NuGet packages, from a feed on loopback and from a folder.</summary>
public sealed class Packages : IDisposable
{
    private readonly SourcesProject _project = new();
    private readonly LoopbackFeed _feed = new();

    public Packages()
    {
        Configure($"<packageSources><clear />{_feed.Source("models")}</packageSources>");
        foreach (var version in new[] { "1.0.0", "1.2.0", "1.10.0", "2.0.0-beta" })
            _feed.Push("Contoso.Math", version, TestPackage.Of("Contoso.Math", version, Model("content/model/", version.Length)));
    }

    public void Dispose()
    {
        _feed.Dispose();
        _project.Dispose();
    }

    [Fact]
    public void A_version_is_fetched_into_the_folder_that_restore_uses()
    {
        var restored = _project.Restore("nuget:Contoso.Math/1.2.0");
        Assert.Equal(_project["packages", "contoso.math", "1.2.0", "content", "model"], restored.Folder);
        Assert.Equal("1.2.0", restored.Locked.Resolved);
        Assert.Equal(["README.md", "config.json", "model.safetensors", "tokenizer.json"], restored.Locked.Files.Keys);
        Assert.True(File.Exists(_project["packages", "contoso.math", "1.2.0", ".nupkg.metadata"]));
        Assert.True(File.Exists(_project["packages", "contoso.math", "1.2.0", "contoso.math.1.2.0.nupkg.sha512"]));
        Assert.Equal(
            File.ReadAllText(_project["packages", "contoso.math", "1.2.0", "contoso.math.1.2.0.nupkg.sha512"]),
            restored.Locked.ContentHash);
        Assert.True(_project.Progress.Bytes > 200_000);
        Assert.Empty(Directory.GetFiles(_project["packages"]));
    }

    [Fact]
    public void What_is_there_costs_no_request_even_without_a_lock()
    {
        _project.Restore("nuget:Contoso.Math/1.2.0");
        File.Delete(_project.LockPath);
        _feed.Forget();
        _project.Restore("nuget:Contoso.Math/1.2");
        Assert.Empty(_feed.Requests);
    }

    [Theory]
    [InlineData("[1.0,2.0)", "1.0.0")]
    [InlineData("(1.0,2.0)", "1.2.0")]
    [InlineData("1.*", "1.10.0")]
    [InlineData("*", "1.10.0")]
    [InlineData("*-*", "2.0.0-beta")]
    [InlineData("1.2", "1.2.0")]
    public void A_range_means_what_it_means_to_NuGet(string range, string version) =>
        Assert.Equal(version, _project.Restore($"nuget:Contoso.Math/{range}").Locked.Resolved);

    [Fact]
    public void A_range_is_resolved_once()
    {
        _project.Restore("nuget:Contoso.Math/1.*");
        _feed.Push("Contoso.Math", "1.11.0", TestPackage.Of("Contoso.Math", "1.11.0", Model("content/model/", 9)));
        Assert.Equal("1.10.0", _project.Restore("nuget:Contoso.Math/1.*").Locked.Resolved);
        Directory.Delete(_project["packages"], recursive: true);
        Assert.Equal("1.10.0", _project.Restore("nuget:Contoso.Math/1.*", options => options with { LockedMode = true }).Locked.Resolved);
        Assert.Equal("1.11.0", _project.Restore("nuget:Contoso.Math/1.*", options => options with { Update = true }).Locked.Resolved);
    }

    [Fact]
    public void A_folder_is_a_feed_too()
    {
        Directory.CreateDirectory(_project["folder feed"]);
        File.WriteAllBytes(_project["folder feed", "Local.Model.3.0.0.nupkg"], TestPackage.Of("Local.Model", "3.0.0", Model("", 3)));
        Configure($"""<packageSources><clear /><add key="folder" value="{_project["folder feed"]}" /></packageSources>""");

        // Files at the package's root.
        var restored = _project.Restore("nuget:Local.Model/3.0.0");
        Assert.Equal(_project["packages", "local.model", "3.0.0"], restored.Folder);
        Assert.Equal(["README.md", "config.json", "model.safetensors", "tokenizer.json"], restored.Locked.Files.Keys);
    }

    [Fact]
    public void The_feeds_are_those_that_the_projects_own_restore_asked()
    {
        Configure("<packageSources><clear /></packageSources>");
        var (feed, assets) = (_project["a feed"], _project["project", "project.assets.json"]);
        Directory.CreateDirectory(feed);
        File.WriteAllBytes(
            Path.Combine(feed, "Contoso.Local.1.0.0.nupkg"), TestPackage.Of("Contoso.Local", "1.0.0", Model("content/model/", 1)));
        const string reference = "nuget:Contoso.Local/1.0.0";
        Assert.Equal(SourceError.NotFound, _project.Refused(reference).Error);

        // Without restore's own word: what the project says, paths from its folder on.
        _project.Restore(reference, options => options with { MoreSources = ["../a feed"] });
        Directory.Delete(_project["packages"], recursive: true);
        _project.Restore(reference, options => options with { Sources = [feed] });
        Directory.Delete(_project["packages"], recursive: true);
        File.WriteAllText(
            assets, JsonSerializer.Serialize(new { project = new { restore = new { sources = new Dictionary<string, object> { [feed] = new { } } } } }));
        _project.Restore(reference, options => options with { AssetsFile = assets, Sources = [_project["none"]] });
        Directory.Delete(_project["packages"], recursive: true);

        // A list that says nothing is none.
        File.WriteAllText(assets, "{");
        _project.Restore(reference, options => options with { AssetsFile = assets, Sources = [feed] });
    }

    [Fact]
    public void A_package_of_several_models()
    {
        _feed.Push(
            "Pair", "1.0.0", TestPackage.Of("Pair", "1.0.0", [.. Model("content/models/one/", 1), .. Model("content/models/two/", 2)]));
        Assert.EndsWith("two", _project.Restore("nuget:Pair/1.0.0/two").Folder, StringComparison.Ordinal);
        Assert.Contains("nuget:Pair/1.0.0/one", _project.Refused("nuget:Pair/1.0.0").Message, StringComparison.Ordinal);
        Assert.Contains("one, two", _project.Refused("nuget:Pair/1.0.0/three").Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Passwords_come_from_the_configuration()
    {
        _feed.Login = ("reader", "secret-password");
        var refused = _project.Refused("nuget:Contoso.Math/1.2.0");
        Assert.Equal(SourceError.Unauthorized, refused.Error);
        Assert.Contains("'models'", refused.Message, StringComparison.Ordinal);
        Configure($"""
            <packageSources><clear />{_feed.Source("models")}</packageSources>
            <packageSourceCredentials><models><add key="Username" value="reader" /><add key="ClearTextPassword" value="secret-password" /></models></packageSourceCredentials>
            """);
        _project.Restore("nuget:Contoso.Math/1.2.0");
    }

    [Fact]
    public void Source_mapping_decides_which_feed_is_asked()
    {
        Configure($"""
            <packageSources><clear />{_feed.Source("models")}</packageSources>
            <packageSourceMapping><packageSource key="models"><package pattern="Fabrikam.*" /></packageSource></packageSourceMapping>
            """);
        var refused = _project.Refused("nuget:Contoso.Math/1.2.0");
        Assert.Equal(SourceError.NotFound, refused.Error);
        Assert.Contains("mapping", refused.Message, StringComparison.Ordinal);
        Assert.Empty(_feed.Requests);
    }

    [Fact]
    public void What_does_not_exist_is_named_with_what_does()
    {
        Assert.Contains("1.10.0, 1.2.0, 1.0.0", _project.Refused("nuget:Contoso.Math/7.0.0").Message, StringComparison.Ordinal);
        Assert.Contains("Feeds: models", _project.Refused("nuget:Contoso.Nothing/1.0.0").Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_feed_that_fails_is_named()
    {
        _feed.Fault = _ => WebAnswer.Text(503, "");
        var refused = _project.Refused("nuget:Contoso.Math/1.2.0");
        Assert.Equal(SourceError.Unavailable, refused.Error);
        Assert.Contains("'models'", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_archive_whose_names_lead_elsewhere_is_refused()
    {
        _feed.Push(
            "Evil",
            "1.0.0",
            TestPackage.Of("Evil", "1.0.0", [.. Model("content/model/", 1), ("content/model/../../../../evil.json", "x"u8.ToArray())]));
        Assert.Equal(SourceError.PackageRefused, _project.Refused("nuget:Evil/1.0.0").Error);
        Assert.False(File.Exists(_project["evil.json"]));
        Assert.False(File.Exists(_project["packages", "evil.json"]));
    }

    [Fact]
    public void An_archive_that_is_none()
    {
        _feed.Push("Broken", "1.0.0", SourcesProject.Bytes(1, 1000));
        Assert.Equal(SourceError.PackageRefused, _project.Refused("nuget:Broken/1.0.0").Error);
    }

    [Fact]
    public void A_package_without_weights()
    {
        _feed.Push("Empty", "1.0.0", TestPackage.Of("Empty", "1.0.0", [("content/model/config.json", "{}"u8.ToArray())]));
        Assert.Equal(SourceError.NoWeights, _project.Refused("nuget:Empty/1.0.0").Error);
    }

    [Fact]
    public void A_version_that_was_published_twice_is_noticed()
    {
        _project.Restore("nuget:Contoso.Math/1.2.0");
        Directory.Delete(_project["packages"], recursive: true);
        _feed.Push("Contoso.Math", "1.2.0", TestPackage.Of("Contoso.Math", "1.2.0", Model("content/model/", 77)));
        Assert.Equal(SourceError.LockedFileChanged, _project.Refused("nuget:Contoso.Math/1.2.0").Error);
    }

    [Fact]
    public void A_full_disk_is_noticed_before_extracting()
    {
        // Room for what restoring itself needs, and not for a model that the archive holds well compressed.
        _feed.Push(
            "Zeros",
            "1.0.0",
            TestPackage.Of(
                "Zeros",
                "1.0.0",
                [("content/model/config.json", "{}"u8.ToArray()), ("content/model/model.safetensors", new byte[40 << 20])]));
        Assert.Equal(
            SourceError.DiskSpace, _project.Refused("nuget:Zeros/1.0.0", options => options with { FreeSpace = _ => 20 << 20 }).Error);
        Assert.False(Directory.Exists(_project["packages", "zeros"]));
    }

    private void Configure(string content) =>
        File.WriteAllText(_project["project", "nuget.config"], $"<configuration>{content}</configuration>");

    private static IEnumerable<(string, byte[])> Model(string folder, int seed) =>
        SourcesProject.Files(seed).Where(file => file.Name is not ".gitattributes").Select(file => (folder + file.Name, file.Content));
}
