using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Inputs;

/// <summary>Weights in one file, with no configuration beside them, are merged by the names of their tensors.</summary>
public sealed class SingleFiles : IDisposable
{
    private readonly MergeWorkspace _project = new();

    public void Dispose() => _project.Dispose();

    [Theory]
    [InlineData("linear")]
    [InlineData("ties")]
    public void Are_merged_by_name(string method)
    {
        Write("base", 0);
        Write("a", 2);
        Write("b", 4);
        _project.Merge("unet", ("Method", method), ("Base", "unet/base.safetensors"));
        _project.Source("unet/a.safetensors", ("Into", "unet"), ("Weight", "0.5"));
        _project.Source("unet/b.safetensors", ("Into", "unet"), ("Weight", "0.5"));
        _project.RunAll();
        var result = _project.Result("unet");
        Assert.Equal(["down.0.conv.weight", "time_embed.bias"], result.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(3, result["time_embed.bias"].Floats()[1]);
        Assert.False(File.Exists(Path.Combine(_project.Output("unet"), "config.json")));
        Assert.True(_project.State("unet").IsFresh);

        // Only a changed file is merged again.
        Write("a", 3);
        Assert.False(_project.State("unet").IsFresh);
    }

    private void Write(string name, float value)
    {
        Directory.CreateDirectory(Path.Combine(_project.Folder, "unet"));
        TestCheckpoint.WriteFile(
            Path.Combine(_project.Folder, "unet", $"{name}.safetensors"),
            ("down.0.conv.weight", RawTensor.F32([2, 1, 1, 2], value, value, value, value)),
            ("time_embed.bias", RawTensor.F32([2], value, value)));
    }
}
