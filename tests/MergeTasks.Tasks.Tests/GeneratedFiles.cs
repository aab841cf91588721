using MergeTasks.TestSupport;

namespace MergeTasks.Tasks.Tests;

/// <summary>
/// The build's own files below obj: whoever damaged them, a build says so in one line, or makes them anew; it believes none of it.
/// </summary>
public sealed class GeneratedFiles : IDisposable
{
    private readonly TaskProject _project = new();

    public void Dispose() => _project.Dispose();

    [Fact]
    public void Undamaged_there_is_nothing_to_say()
    {
        _project.Build();
        Assert.True(_project.Plan(out var stale), _project.Said);
        Assert.Empty(stale);
        Assert.True(_project.Clean(), _project.Said);
        Assert.False(Directory.Exists(_project.Output));
        Assert.Empty(_project.Engine.Errors);
    }

    public static TheoryData<string, string> Damages()
    {
        string[] contents = [
            "",
            "\0",
            "{}",
            "[]",
            "null",
            "[null]",
            "[{}]",
            "[{\"Key\":null}]",
            "{\"Key\":1}",
            "\"\\ud800\"",
            "not json",
            "/",
            "//",
            "/\n/\n",
            "\n\n",
            "a\tb\n",
            "/a\0b\n",
            "../x\n",
            "[{\"Key\":\"hf:a/b@main\",\"Folder\":\"/x\"}]",
            "mergetasks plan 1\nx\ny\n", "mergetasks plan 1\n\0\n\noutputs\n", new string('[', 10_000)];
        var data = new TheoryData<string, string>();
        foreach (var name in new[] { "outputs.txt", "plan.txt", "restored.json" })
        {
            foreach (var content in contents)
                data.Add(name, content);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Damages))]
    public void A_damaged_record_is_none(string name, string content)
    {
        _project.Build();
        var bystander = _project["models", "a", "config.json"];
        File.WriteAllText(Path.Combine(_project.MergesFolder, name), content);
        Assert.True(_project.Plan(), _project.Said);
        Assert.True(File.Exists(bystander));
        File.WriteAllText(Path.Combine(_project.MergesFolder, name), content);
        Assert.True(_project.Clean(), _project.Said);
        Assert.True(File.Exists(bystander));
        Assert.Empty(_project.Engine.Errors);
    }

    [Fact]
    public void Bytes_that_are_no_text_in_a_record_are_none()
    {
        foreach (var name in new[] { "outputs.txt", "plan.txt", "restored.json" })
        {
            _project.Build();
            File.WriteAllBytes(Path.Combine(_project.MergesFolder, name), [(byte)'/', 0xFF, 0xFE, (byte)'\n']);
            Assert.True(_project.Plan(), _project.Said);
        }
    }

    [Theory]
    [InlineData("m.declarations.json", "[]")]
    [InlineData("m.declarations.json", "[null]")]
    [InlineData("m.declarations.json", "[{}]")]
    [InlineData("m.declarations.json", "{\"a\":1,\"a\":2}")]
    [InlineData("m.declarations.json", "")]
    [InlineData("m.declarations.json", null)]
    [InlineData("device.json", "{}")]
    [InlineData("device.json", "null")]
    [InlineData("device.json", "{\"TaskAssembly\":null,\"Device\":null,\"ComputesMatrices\":true}")]
    [InlineData("device.json", null)]
    public void What_a_phase_cannot_do_without_is_an_error_where_it_is_damaged(string name, string? content)
    {
        Assert.True(_project.Plan(), _project.Said);
        var path = Path.Combine(_project.MergesFolder, name);
        File.Delete(path);
        if (content is not null)
            File.WriteAllText(path, content);
        var error = _project.Refused(() => _project.Merge(name == "device.json" ? path : ""));
        Assert.Equal("MTK0005", error.Code);
        Assert.False(Directory.Exists(_project.Output));
    }

    [Theory]
    [InlineData("obj")]
    [InlineData("obj/merges")]
    [InlineData("obj/merges/Debug")]
    public void A_file_where_the_folder_should_be(string name)
    {
        var path = _project[name.Split('/')];
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, "x");
        Assert.Equal("MTK0005", _project.Refused(_project.Plan).Code);
    }

    [Theory]
    [InlineData("outputs.txt")]
    [InlineData("m.declarations.json")]
    [InlineData("m.proj")]
    public void A_folder_where_a_file_should_be(string name)
    {
        Directory.CreateDirectory(Path.Combine(_project.MergesFolder, name, "x"));
        Assert.Equal("MTK0005", _project.Refused(_project.Plan).Code);
    }

    [Theory]
    [InlineData("outputs.txt")]
    [InlineData("plan.txt")]
    [InlineData("restored.json")]
    [InlineData("m.declarations.json")]
    public void A_pipe_where_a_file_should_be_keeps_nobody_waiting(string name)
    {
        if (!OperatingSystem.IsLinux())
            return;
        Directory.CreateDirectory(_project.MergesFolder);
        SpecialFiles.Pipe(Path.Combine(_project.MergesFolder, name));
        SpecialFiles.Soon(() => _project.Plan());
        Assert.All(_project.Engine.Errors, error => Assert.Equal("MTK0005", TaskProject.Checked(error).Code));
    }

    [Fact]
    public void Folders_that_may_not_be_written()
    {
        if (!Nobody.IsAvailable)
            return;
        Directory.CreateDirectory(_project.MergesFolder);
        Nobody.Open(_project[""]);
        foreach (var folder in new[] { _project.MergesFolder, _project["obj", "merges"], _project["obj"] })
        {
            File.SetUnixFileMode(
                folder, UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
            Nobody.Do(() => Assert.Contains("permission", _project.RefusedHere(_project.Plan).Message, StringComparison.Ordinal));
        }
    }

    [Fact]
    public void An_output_that_may_not_be_deleted()
    {
        if (!Nobody.IsAvailable)
            return;
        _project.Build();
        Nobody.Open(_project[""]);
        File.SetUnixFileMode(
            _project.Output, UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
        Nobody.Do(() =>
        {
            var error = _project.RefusedHere(_project.Clean);
            Assert.Equal("MTK7002", error.Code);
            Assert.True(
                error.Message!.Contains("merge.manifest.json' cannot be deleted: permission is denied", StringComparison.Ordinal),
                error.Message);
        });
        File.SetUnixFileMode(_project.Output, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }
}
