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

    [Fact]
    public void Gguf_files_are_merged_as_the_models_that_they_were_made_of()
    {
        foreach (var name in new[] { "base", "code" })
        {
            var copy = Directory.CreateDirectory(Path.Combine(_project.Folder, "models", name)).FullName;
            foreach (var file in Directory.GetFiles(Path.Combine(RepositoryFolder.Root, "example-project", "models", name)))
                File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        }

        _project.Merge("e", ("Method", "passthrough"), ("Export", "gguf"), ("GgufType", "F32;Q8_0"));
        _project.Source("models/code", ("Into", "e"));
        _project.RunAll();
        _project.Merge("x", ("Method", "linear"), ("DType", "bfloat16"));
        _project.Source("models/base", ("Into", "x"), ("Weight", "0.5"));
        _project.Source("out/e/e-F32.gguf", ("Into", "x"), ("Weight", "0.5"));
        _project.Merge("y", ("Method", "linear"), ("DType", "bfloat16"));
        _project.Source("models/base", ("Into", "y"), ("Weight", "0.5"));
        _project.Source("models/code", ("Into", "y"), ("Weight", "0.5"));
        _project.Merge("z", ("Method", "linear"), ("DType", "bfloat16"));
        _project.Source("models/base", ("Into", "z"), ("Weight", "0.5"));
        _project.Source("out/e/e-Q8_0.gguf", ("Into", "z"), ("Weight", "0.5"));
        _project.RunAll();
        var (x, y, z) = (_project.Result("x"), _project.Result("y"), _project.Result("z"));
        Assert.Equal(y.Keys.Order(StringComparer.Ordinal), x.Keys.Order(StringComparer.Ordinal));
        Assert.All(y, tensor => Assert.Equal(tensor.Value.Bytes, x[tensor.Key].Bytes));
        const string name1 = "model.layers.1.self_attn.q_proj.weight";
        Assert.NotEqual(y[name1].Bytes, z[name1].Bytes);
        Assert.True(y[name1].Floats().Zip(z[name1].Floats()).All(pair => MathF.Abs(pair.First - pair.Second) < 0.01f));
        Assert.True(File.Exists(Path.Combine(_project.Output("x"), "config.json")));
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
