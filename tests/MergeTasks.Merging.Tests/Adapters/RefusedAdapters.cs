using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Tests.Refused;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Adapters;

/// <summary>Adapters that cannot be merged; the error points at the metadata or item that names them.</summary>
public sealed class RefusedAdapters : IDisposable
{
    private const string Query = "model.layers.0.self_attn.q_proj";

    private readonly WrittenProject _project = new();

    public RefusedAdapters()
    {
        _project.Model("base", ($"{Query}.weight", RandomTensors.F32(1, 9, 8)), ("ids", RawTensor.I64([8, 9], new long[72])));
        Adapter(new { r = 4, lora_alpha = 4 });
        _project.WriteProject(
            """<MergedModel Include="m" Method="passthrough" /><MergeSource Include="models/base" ‸Adapter="adapters/x" />""");
    }

    public void Dispose() => _project.Dispose();

    [Fact]
    public void The_adapter_that_the_others_are_made_from_is_valid() => _project.Build().Validate(default);

    public static TheoryData<string, string, string> LongPattern => new()
    {
        { $$$"""{"peft_type": "LORA", "r": 4, "rank_pattern": {"{{{new string('.', 1001)}}}": 4}}""", "MTK3020", "1001 characters" },
    };

    [Theory]
    [InlineData("""{"peft_type": "IA3"}""", "MTK3021", "of the kind 'IA3'")]
    [InlineData("""{"peft_type": "LOHA"}""", "MTK3021", "of the kind 'LOHA'")]
    [InlineData("""{"peft_type": "LORA", "r": 4, "use_dora": true}""", "MTK3021", "'use_dora' (DoRA")]
    [InlineData("""{"peft_type": "LORA", "r": 4, "layer_replication": [[0, 1]]}""", "MTK3021", "layer_replication")]
    [InlineData("""{"peft_type": "LORA", "r": 4, "init_lora_weights": "pissa"}""", "MTK3021", "pissa")]
    [InlineData("""{"peft_type": "LORA", "r": 5}""", "MTK3020", "has rank 4")]
    [InlineData("""{"peft_type": "LORA", "r": 0}""", "MTK3020", "'r': 0")]
    [InlineData("""{"peft_type": "LORA", "r": 4, "lora_alpha": "many"}""", "MTK3020", "lora_alpha")]
    [InlineData("""{"peft_type": "LORA", "r": 4, "rank_pattern": {"(": 4}}""", "MTK3020", "no valid pattern")]
    [InlineData("""{"peft_type": "LORA", "r": 4, "rank_pattern": [4]}""", "MTK3020", "not an object")]
    [InlineData("""{"r": 4}""", "MTK3020", "peft_type")]
    [InlineData("[]", "MTK3020", "not a JSON object")]
    [InlineData("{", "MTK3020", "not valid JSON")]
    [InlineData(null, "MTK3020", "does not exist")]
    [MemberData(nameof(LongPattern))]
    public void Configurations(string? config, string code, string reason)
    {
        var path = _project["adapters", "x", "adapter_config.json"];
        File.Delete(path);
        if (config is not null)
            File.WriteAllText(path, config);
        Refused(code, reason);
    }

    [Fact]
    public void A_pickled_adapter()
    {
        File.Move(_project["adapters", "x", "adapter_model.safetensors"], _project["adapters", "x", "adapter_model.bin"]);
        Refused("MTK3003", "can run code");
    }

    [Fact]
    public void No_weights()
    {
        File.Delete(_project["adapters", "x", "adapter_model.safetensors"]);
        Refused("MTK3020", "adapter_model.safetensors");
    }

    [Fact]
    public void No_folder()
    {
        Directory.Delete(_project["adapters"], recursive: true);
        Refused("MTK3001", "does not exist");
    }

    [Fact]
    public void Truncated_weights()
    {
        var path = _project["adapters", "x", "adapter_model.safetensors"];
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^3]);
        Refused("MTK3004", "truncated");
    }

    [Fact]
    public void A_module_that_the_model_lacks()
    {
        Adapter(new { r = 4 }, AdapterFolder.Linear("model.layers.7.self_attn.q_proj", 1, 4, 9, 8));
        Refused("MTK3020", "'model.layers.7.self_attn.q_proj'");
    }

    [Fact]
    public void A_matrix_of_another_size()
    {
        Adapter(new { r = 4 }, AdapterFolder.Linear(Query, 1, 4, 9, 7));
        Refused("MTK3020", "is [9, 8] in the model");
    }

    [Fact]
    public void Half_of_a_matrix()
    {
        Adapter(new { r = 4 }, AdapterFolder.Linear(Query, 1, 4, 9, 8)[0]);
        Refused("MTK3020", "one A and one B");
    }

    [Fact]
    public void Factors_that_do_not_fit_each_other()
    {
        Adapter(
            new { r = 4 }, ($"{Query}.lora_A.weight", RandomTensors.F32(1, 4, 8)), ($"{Query}.lora_B.weight", RandomTensors.F32(1, 9, 3)));
        Refused("MTK3020", "no factors of a matrix");
    }

    [Fact]
    public void A_convolution()
    {
        Adapter(
            new { r = 4 },
            ($"{Query}.lora_A.weight", RandomTensors.F32(1, 4, 8, 3, 3)),
            ($"{Query}.lora_B.weight", RandomTensors.F32(1, 9, 4, 1, 1)));
        Refused("MTK3020", "by a matrix of [9, 8, 3, 3]");
    }

    [Fact]
    public void Tensors_of_another_kind_of_adapter()
    {
        Adapter(new { r = 4 }, [.. AdapterFolder.Linear(Query, 1, 4, 9, 8), ($"{Query}.lora_magnitude_vector", RandomTensors.F32(1, 9))]);
        Refused("MTK3021", "lora_magnitude_vector");
    }

    [Fact]
    public void The_same_parameter_twice()
    {
        Adapter(new { r = 4 }, ($"{Query}.base_layer.weight", RandomTensors.F32(1, 9, 8)), ($"{Query}.weight", RandomTensors.F32(1, 9, 8)));
        Refused("MTK3020", "twice");
    }

    [Fact]
    public void Integers()
    {
        Adapter(new { r = 4 }, AdapterFolder.Linear("ids", 1, 4, 8, 9));
        _project.Model("base", ("ids.weight", RawTensor.I64([8, 9], new long[72])));
        Refused("MTK3020", "holds integers");
    }

    [Fact]
    public void An_adapter_without_a_model()
    {
        _project.WriteProject("""<MergedModel Include="m" Method="passthrough" /><‸MergeSource Include="adapters/x" />""");
        Refused("MTK3022", "is a LoRA adapter and no model");
    }

    [Fact]
    public void A_merge_as_an_adapter()
    {
        _project.WriteProject(
            """<MergedModel Include="m" Method="passthrough" /><MergeSource Include="models/base" Into="m" ‸Adapter="n" /><MergedModel Include="n" Method="passthrough" /><MergeSource Include="models/base" Into="n" />""");
        Refused("MTK3021", "makes a model and no adapter");
    }

    [Fact]
    public void An_adapter_that_is_made_as_a_model()
    {
        _project.WriteProject(
            """<MergedModel Include="sum" Method="linear" /><MergeSource Include="adapters/x" Into="sum" Weight="1" /><MergedModel Include="m" Method="passthrough" /><‸MergeSource Include="sum" Into="m" />""");
        Refused("MTK3022", "makes an adapter and no model");
    }

    [Fact]
    public void Whole_parameters_in_a_sum_of_adapters()
    {
        Adapter(new { r = 4 }, [.. AdapterFolder.Linear(Query, 1, 4, 9, 8), ("lm_head.weight", RandomTensors.F32(1, 9))]);
        _project.WriteProject("""<MergedModel Include="m" Method="linear" /><‸MergeSource Include="adapters/x" Weight="1" />""");
        Refused("MTK4020", "'lm_head.weight'");
    }

    [Fact]
    public void Adapters_of_different_models_in_a_sum()
    {
        AdapterFolder.Write(_project["adapters", "y"], new { r = 4 }, AdapterFolder.Linear(Query, 1, 4, 9, 7));
        _project.WriteProject(
            """<MergedModel Include="m" Method="linear" /><MergeSource Include="adapters/x" Weight="1" /><‸MergeSource Include="adapters/y" Weight="1" />""");
        Refused("MTK3007", "[9, 8] and [9, 7]");
    }

    [Fact]
    public void Nothing_to_extract()
    {
        Directory.CreateDirectory(_project["models", "same"]);
        foreach (var file in new[] { "model.safetensors", "config.json" })
            File.Copy(_project["models", "base", file], _project["models", "same", file]);
        _project.WriteProject(
            """<‸MergedModel Include="m" Method="extract_lora" Base="models/base" /><MergeSource Include="models/same" />""");
        var diagnostic = _project.Refused(validating: false);
        Assert.Equal("MTK4020", diagnostic.Code);
    }

    [Theory]
    [InlineData("‸TokenizerSource=\"base\"", "", "a vocabulary")]
    [InlineData("‸ChatTemplate=\"chatml\"", "", "a chat template")]
    [InlineData("Aim=\"0.4\" Calibration=\"x.txt\"", "‸", "AIM and APL")]
    public void Settings_that_only_models_have(string metadata, string mark, string what)
    {
        _project.WriteProject(
            $"""<{mark}MergedModel Include="m" Method="extract_lora" Base="models/base" {metadata} /><MergeSource Include="adapters/x" />""");
        Refused("MTK4020", what);
    }

    [Fact]
    public void A_rank_that_is_none()
    {
        _project.WriteProject(
            """<MergedModel Include="m" Method="extract_lora" Base="models/base" ‸Rank="0" /><MergeSource Include="adapters/x" />""");
        Refused("MTK1003", "'rank' is 0");
    }

    private void Adapter(object config, params (string Name, RawTensor Tensor)[] tensors) =>
        AdapterFolder.Write(_project["adapters", "x"], config, tensors.Length > 0 ? tensors : AdapterFolder.Linear(Query, 2, 4, 9, 8));

    private void Refused(string code, string reason)
    {
        var diagnostic = _project.Refused();
        Assert.Equal(code, diagnostic.Code);
        Assert.Contains(reason, diagnostic.Message, StringComparison.Ordinal);
    }
}
