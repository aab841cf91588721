using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Tests.Adapters;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Refused;

/// <summary>Links in a model's folder: what they lead to comes into the output only where it is the folder's own.</summary>
public sealed class ForeignLinks : IDisposable
{
    private const string Secret = """{"secret": "do not publish"}""";

    private readonly MergeWorkspace _space = new();

    public void Dispose() => _space.Dispose();

    [Theory]
    [InlineData("models/a", "extra_config.json", "ABSOLUTE")]
    [InlineData("models/a", "extra_config.json", "../../secret.json")]
    [InlineData("models/a", "extra_config.json", "./x/../../../secret.json")]
    [InlineData("models/a", "tokenizer.json", "../../secret.json")]
    [InlineData("models/a", "extra.jinja", "../../secret.json")]
    [InlineData("models/a", "extra_config.json", "../a-other/secret.json")]
    [InlineData("models/a", "extra_config.json", "inner/secret.json", "models/a/inner", "../a-other")]
    [InlineData("models/a", "extra_config.json", "second.bin", "models/a/second.bin", "../../secret.json")]
    [InlineData("models/a", "extra_config.json", "../../nowhere.json")]
    [InlineData("hub/models--o--n/snapshots/c", "extra_config.json", "../../blobs/secret", "hub/models--o--n/blobs", "../../a folder")]
    [InlineData(
        "hub/models--o--n/snapshots/c", "extra_config.json", "../../blobs/secret", "hub/models--o--n/blobs/secret", "../../../secret.json")]
    [InlineData("hub/models--o--n/snapshots/c", "extra_config.json", "../../../models--x--y/blobs/secret")]
    [InlineData("hub/models--o--n/snapshots/c", "extra_config.json", "../../refs/secret")]
    [InlineData("hub/o--n/snapshots/c", "extra_config.json", "../../blobs/secret")]
    [InlineData("hub/models--o--n/snaps/c", "extra_config.json", "../../blobs/secret")]
    public void What_is_not_the_folder_s_own_is_left_out_with_a_warning(
        string model, string name, string target, string? link = null, string? leads = null)
    {
        if (OperatingSystem.IsWindows())
            return;
        foreach (var place in new[]
        {
            "secret.json",
            "models/a-other/secret.json",
            "a folder/secret",
            "hub/models--x--y/blobs/secret",
            "hub/models--o--n/refs/secret",
            "hub/o--n/blobs/secret"
        })
            Write(place, Secret);
        Model(model);
        if (link is not null)
            Link(link, leads!);
        Link(model + "/" + name, target == "ABSOLUTE" ? Path.Combine(_space.Folder, "secret.json") : target);
        var warning = Assert.Single(Warnings(model), warning => warning.Code == "MTK3060");
        Assert.True(warning.IsWarning);
        Assert.Contains($"{name}' is a link out of the model's folder", warning.Message, StringComparison.Ordinal);
        Assert.Equal(_space.ProjectFile, warning.Location!.File);
        _space.RunAll();
        Assert.False(File.Exists(Path.Combine(_space.Output("m"), name)));
        Assert.All(
            Directory.EnumerateFiles(_space.Output("m"), "*", SearchOption.AllDirectories),
            path => Assert.DoesNotContain("do not publish", File.ReadAllText(path), StringComparison.Ordinal));
        Assert.True(_space.State("m").IsFresh);
    }

    [Theory]
    [InlineData("models/a", "inner.json")]
    [InlineData("models/a", "below/inner.json")]
    [InlineData("models/a", "../a/inner.json")]
    [InlineData("hub/models--o--n/snapshots/c", "../../blobs/content")]
    [InlineData("models/linked", "inner.json")]
    public void What_is_its_own_is_copied(string model, string target)
    {
        if (OperatingSystem.IsWindows())
            return;
        if (model == "models/linked")
        {
            Model("elsewhere");
            Directory.CreateDirectory(Place("models"));
            Link(model, "../elsewhere");
        }
        else
        {
            Model(model);
        }

        Write(Path.Combine(model, target), "{\"mine\": 1}");
        Link(model + "/extra_config.json", target);
        Assert.Empty(Warnings(model));
        _space.RunAll();
        Assert.Equal("{\"mine\": 1}", File.ReadAllText(Path.Combine(_space.Output("m"), "extra_config.json")));
    }

    [Fact]
    public void A_config_that_is_such_a_link_is_an_error()
    {
        if (OperatingSystem.IsWindows())
            return;
        Model("models/a");
        Write("secret.json", """{"auths": {"registry": "do not publish"}}""");
        Link("models/a/config.json", "../../secret.json");
        var diagnostic = Assert.Single(Assert.Throws<DiagnosticException>(() => Warnings("models/a")).Diagnostics);
        Assert.Equal("MTK3008", diagnostic.Code);
        Assert.Contains("is a link out of the model's folder", diagnostic.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("do not publish", diagnostic.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Weights_may_lie_elsewhere()
    {
        if (OperatingSystem.IsWindows())
            return;
        Model("models/a");
        File.Move(Place("models/a/model.safetensors"), Place("weights"));
        Link("models/a/model.safetensors", "../../weights");
        Assert.Empty(Warnings("models/a"));
        _space.RunAll();
        Assert.Equal([1f, 2f], _space.Result("m")["w"].Floats());
    }

    [Fact]
    public void An_adapter_s_tokenizer_is_held_to_the_same()
    {
        if (OperatingSystem.IsWindows())
            return;
        _space.Model("a", ("l.weight", RandomTensors.F32(1, 4, 4)));
        AdapterFolder.Write(Place("adapter"), new { r = 2, lora_alpha = 2 }, AdapterFolder.Linear("l", 3, 2, 4, 4));
        Write("secret.json", Secret);
        Link("adapter/tokenizer.json", "../secret.json");
        _space.Merge("m", ("Method", "passthrough"));
        _space.Source("models/a", ("Adapter", "adapter"));
        Assert.Equal("MTK3060", Assert.Single(_space.Build().Validate(default)).Code);
        _space.RunAll();
        Assert.False(File.Exists(Path.Combine(_space.Output("m"), "tokenizer.json")));
    }

    [Fact]
    public void Links_in_a_circle_and_to_nothing_inside_are_errors()
    {
        if (OperatingSystem.IsWindows())
            return;
        foreach (var target in new[] { "extra_config.json", "nothing.json" })
        {
            Model("models/a");
            Link("models/a/extra_config.json", target);
            Assert.Equal("MTK3009", Assert.Single(Assert.Throws<DiagnosticException>(() => Planned("models/a")).Diagnostics).Code);
        }
    }

    private IReadOnlyList<Diagnostic> Warnings(string model)
    {
        Declare(model);
        return _space.Build().Validate(default);
    }

    private void Planned(string model)
    {
        Declare(model);
        _space.Plan();
    }

    private void Declare(string model)
    {
        _space.Clear();
        _space.Merge("m", ("Method", "passthrough"));
        _space.Source(model);
    }

    private void Model(string place) => TestCheckpoint.Write(Place(place), ("w", RawTensor.F32([2], 1, 2)));

    private string Place(string path) => Path.Combine(_space.Folder, path);

    private void Write(string path, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(Place(path)))!);
        File.WriteAllText(Place(path), text);
    }

    private void Link(string path, string target)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Place(path))!);
        SpecialFiles.Link(Place(path), target);
    }
}
