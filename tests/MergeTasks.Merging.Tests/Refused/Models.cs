using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Planning;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Refused;

/// <summary>Models that cannot be merged; the error points at the item that names them.</summary>
public sealed class Models : IDisposable
{
    private readonly WrittenProject _project = new();

    public Models()
    {
        _project.Model("a", ("v", RawTensor.F32([2, 3], new float[6])), ("w", RawTensor.F32([2], 1, 2)));
        _project.Model("b", ("v", RawTensor.F32([2, 3], new float[6])), ("w", RawTensor.F32([2], 3, 4)));
        _project.WriteProject(
            """<MergedModel Include="m" Method="linear" /><MergeSource Include="models/a" Weight="1" /><‸MergeSource Include="models/b" Weight="1" />""");
    }

    public void Dispose() => _project.Dispose();

    [Fact]
    public void The_models_that_the_others_are_made_from_are_valid() => _project.Build().Validate(default);

    [Fact]
    public void A_missing_tensor_where_the_merge_is_strict()
    {
        Strict();
        _project.Model("b", ("v", RawTensor.F32([2, 3], new float[6])));
        Refused("MTK3006", "'models/b' lacks the tensor 'w' that 'models/a' has");
    }

    [Fact]
    public void A_tensor_too_many_where_the_merge_is_strict()
    {
        Strict();
        _project.Model("b", ("v", RawTensor.F32([2, 3], new float[6])), ("w", RawTensor.F32([2], 3, 4)), ("x", RawTensor.F32([1], 1)));
        Refused("MTK3006", "'models/a' lacks the tensor 'x' that 'models/b' has");
    }

    [Fact]
    public void Another_shape_is_told_with_both_models_and_shapes_where_the_merge_is_strict()
    {
        Strict();
        _project.Model("b", ("v", RawTensor.F32([3, 2], new float[6])), ("w", RawTensor.F32([2], 3, 4)));
        Refused("MTK3007", "'v' is [2, 3] in 'models/a' and [3, 2] in 'models/b'");
    }

    [Fact]
    public void Integers_in_place_of_numbers()
    {
        _project.Model("b", ("v", RawTensor.F32([2, 3], new float[6])), ("w", RawTensor.I64([2], 3, 4)));
        Refused("MTK4001", "holds integers");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(20)]
    public void Truncated_weights(int bytes)
    {
        var path = _project["models", "b", "model.safetensors"];
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^bytes]);
        Refused("MTK3004", "truncated");
    }

    [Fact]
    public void Random_bytes_as_weights()
    {
        var bytes = new byte[4096];
        new Random(5).NextBytes(bytes);
        File.WriteAllBytes(_project["models", "b", "model.safetensors"], bytes);
        Refused("MTK3004", "not a valid safetensors file");
    }

    [Theory]
    [InlineData("consolidated.00.pth")]
    [InlineData("model.pt")]
    public void Pickled_weights_under_another_name(string name)
    {
        File.Move(_project["models", "b", "model.safetensors"], _project["models", "b", name]);
        Refused("MTK3003", "'pytorch_model.bin'");
    }

    [Fact]
    public void A_file_called_pickled_that_is_none()
    {
        File.Move(_project["models", "b", "model.safetensors"], _project["models", "b", "pytorch_model.bin"]);
        Refused("MTK3004", "pytorch_model.bin");
    }

    [Fact]
    public void No_weights()
    {
        File.Delete(_project["models", "b", "model.safetensors"]);
        Refused("MTK3002", "model.safetensors");
    }

    [Fact]
    public void Weights_without_a_tensor()
    {
        File.WriteAllBytes(_project["models", "b", "model.safetensors"], [2, 0, 0, 0, 0, 0, 0, 0, (byte)'{', (byte)'}']);
        Refused("MTK3002", "hold no tensor");
    }

    [Fact]
    public void An_index_that_leads_out_of_the_folder()
    {
        File.Delete(_project["models", "b", "model.safetensors"]);
        File.WriteAllText(_project["models", "b", "model.safetensors.index.json"], """{"weight_map":{"w":"../a/model.safetensors"}}""");
        Refused("MTK3005", "same folder");
    }

    [Theory]
    [InlineData(null, "does not exist")]
    [InlineData("{", "not valid JSON")]
    [InlineData("[]", "not a JSON object")]
    public void A_config_that_is_none(string? text, string reason)
    {
        File.Delete(_project["models", "b", "config.json"]);
        if (text is not null)
            File.WriteAllText(_project["models", "b", "config.json"], text);
        Refused("MTK3008", reason);
    }

    [Fact]
    public void A_file_that_nobody_may_read()
    {
        if (OperatingSystem.IsWindows() || Environment.IsPrivilegedProcess)
        {
            // Permissions do not stop the superuser; a folder of the file's name stops everyone.
            File.Delete(_project["models", "b", "config.json"]);
            Directory.CreateDirectory(_project["models", "b", "config.json"]);
            Refused("MTK3008", "config.json");
            return;
        }

        File.SetUnixFileMode(_project["models", "b", "model.safetensors"], UnixFileMode.None);
        Refused("MTK3009", "cannot be read");
    }

    [Fact]
    public void An_output_larger_than_the_disk_is_refused_before_a_byte_is_read()
    {
        if (!OperatingSystem.IsLinux())
            return;
        const long elements = 1L << 40;
        foreach (var model in new[] { "a", "b" })
        {
            var path = _project["models", model, "model.safetensors"];
            TestCheckpoint.WriteRaw(
                path, $$$"""{"w":{"dtype":"F32","shape":[{{{elements}}}],"data_offsets":[0,{{{4 * elements}}}]}}""", []);
            using var file = File.OpenWrite(path);
            file.SetLength(file.Length + (4 * elements));
        }

        _project.WriteProject(
            """<‸MergedModel Include="m" Method="linear" /><MergeSource Include="models/a" Weight="1" /><MergeSource Include="models/b" Weight="1" />""");
        foreach (var validating in new[] { true, false })
        {
            var diagnostic = _project.Refused(validating);
            Assert.Equal("MTK7001", diagnostic.Code);
        }
    }

    [Fact]
    public void Of_the_disk_no_more_is_asked_than_the_output_takes()
    {
        var a = _project["models", "a"];
        File.WriteAllBytes(Path.Combine(a, "tokenizer.json"), new byte[100_000]);
        foreach (var model in new[] { "a", "b" })
            _project.Model(
                model,
                [
                    .. Enumerable.Range(0, 300)
                        .Select(i =>
                            ($"model.layers.{i}.a_rather_long_name_as_models_have_them.weight", RawTensor.F32([100], new float[100])))
                ]);
        var build = _project.Build();
        var state = Assert.Single(build.Plan(default));
        build.Run("m", _project["m.lock"], MergeProgress.None, default);
        var taken = Directory.EnumerateFiles(_project["out", "m"]).Sum(path => (new FileInfo(path).Length + 4095) / 4096 * 4096);
        Assert.InRange(DiskSpace.Needed(state.BytesToWrite, state.Plan.Tensors.Count, state.StaleFiles), taken, taken + (1 << 20));
    }

    [Fact]
    public void Another_architecture_is_told_by_what_it_lacks()
    {
        _project.Model("b", ("x", RawTensor.F32([2, 3], new float[6])), ("y", RawTensor.F32([2], 3, 4)));
        Refused("MTK3010", "0 of 2 tensors match; it has no 'v'");
    }

    [Fact]
    public void Another_architecture_is_told_by_its_shapes()
    {
        _project.Model("b", ("v", RawTensor.F32([4, 3], new float[12])), ("w", RawTensor.F32([4], new float[4])));
        Refused("MTK3010", "'v' is [2, 3] in one and [4, 3] in the other");
    }

    [Fact]
    public void Another_number_of_layers_is_told_with_what_to_do()
    {
        (string, RawTensor)[] Layers(int count) =>
            [.. Enumerable.Range(0, count).Select(i => ($"model.layers.{i}.w", RawTensor.F32([2], i, i)))];
        _project.Model("a", Layers(3));
        _project.Model("b", Layers(4));
        Refused(
            "MTK3010",
            "has 4 of 'layers.N' where 'models/a' has 3. Layers with the same number would not be the same layer; say with 'slices'");
    }

    [Fact]
    public void Another_number_of_experts()
    {
        (string, RawTensor)[] Experts(int count) =>
            [.. Enumerable.Range(0, count).Select(i => ($"model.layers.0.mlp.experts.{i}.w1.weight", RawTensor.F32([2], i, i)))];
        _project.Model("a", Experts(4));
        _project.Model("b", Experts(8));
        Refused("MTK3010", "has 8 of 'layers.*.mlp.experts.N' where 'models/a' has 4");
    }

    [Fact]
    public void Experts_fused_in_one_model_and_single_in_the_other()
    {
        _project.Model(
            "a",
            ("model.layers.0.mlp.experts.0.gate_proj.weight", RawTensor.F32([2], 1, 2)),
            ("model.layers.0.mlp.experts.0.up_proj.weight", RawTensor.F32([2], 1, 2)));
        _project.Model("b", ("model.layers.0.mlp.experts.gate_up_proj", RawTensor.F32([1, 4], 1, 2, 3, 4)));
        Refused("MTK3010", "'model.layers.0.mlp.experts.gate_up_proj' and 'model.layers.0.mlp.experts.0.gate_proj.weight'");
    }

    private void Strict() =>
        _project.WriteProject(
            """<MergedModel Include="m" Method="linear" Strict="true" /><MergeSource Include="models/a" Weight="1" /><‸MergeSource Include="models/b" Weight="1" />""");

    private void Refused(string code, string message)
    {
        foreach (var validating in new[] { true, false })
        {
            var diagnostic = _project.Refused(validating);
            Assert.Equal(code, diagnostic.Code);
            Assert.Contains(message, diagnostic.Message, StringComparison.Ordinal);
        }
    }
}
