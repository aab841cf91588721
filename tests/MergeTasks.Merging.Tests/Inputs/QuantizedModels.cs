using System.Text.Json.Nodes;
using MergeTasks.Language.Diagnostics;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Inputs;

/// <summary>Checkpoints of codes and scales as inputs, against values that are worked out here bit by bit.</summary>
public sealed class QuantizedModels : IDisposable
{
    private const string Weight = "model.layers.0.mlp.up_proj.weight";

    private readonly MergeWorkspace _space = new();

    public void Dispose() => _space.Dispose();

    [Theory]
    [InlineData("weight_scale_inv", new long[] { 3, 2 }, """{"quant_method": "fp8", "weight_block_size": [128, 128]}""")]
    [InlineData("weight_scale_inv", new long[] { 5, 2 }, """{"quant_method": "fp8", "weight_block_size": [64, 100]}""")]
    [InlineData("weight_scale", new long[] { 300, 1 }, """{"quant_method": "compressed-tensors", "format": "float-quantized"}""")]
    [InlineData("weight_scale", new long[] { 300 }, """{"quant_method": "fbgemm_fp8"}""")]
    [InlineData("weight_scale", new long[] { 1 }, """{"quant_method": "modelopt"}""")]
    [InlineData("weight_scale", new long[] { }, null)]
    [InlineData("weight_scale", new long[] { 300, 8 }, null)]
    [InlineData("scale", new long[] { 3, 2 }, null)]
    [InlineData("scale_weight", new long[] { }, null)]
    public void Float8_with_scales(string scale, long[] shape, string? quantization)
    {
        var codes = Codes(300 * 200, 1);
        var scales = RandomTensors.F32(2, shape.Length == 0 ? [1] : shape).Floats();
        Model(
            "q",
            quantization,
            (Weight, new RawTensor("F8_E4M3", [300, 200], codes)),
            (Weight.Replace("weight", scale, StringComparison.Ordinal), RawTensor.F32(shape, scales)),
            ("model.layers.0.mlp.up_proj.input_scale", RawTensor.F32([], 3)), ("model.norm.weight", RawTensor.BF16([2], 1, 2)));
        var result = Merged("q");
        var read = result[Weight].Floats();
        long[] counts = shape.Length switch { 0 => [1, 1], 1 => [shape[0], 1], _ => shape };
        long[] blocks = shape is [5, 2] ? [64, 100]
            : shape is [300, 8] ? [1, 25]
            : [counts[0] is 1 or 300 ? 300 / counts[0] : 128, counts[1] == 1 ? 200 : 128];
        for (var i = 0; i < 300 * 200; i++)
        {
            var expected = (float)(E4M3(codes[i]) * scales[(i / 200 / blocks[0] * counts[1]) + (i % 200 / blocks[1])]);
            Assert.Equal(expected, read[i]);
        }

        Assert.Equal([Weight, "model.norm.weight"], result.Keys.Order(StringComparer.Ordinal));
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(_space.Output("m"), "config.json")))!.AsObject();
        Assert.False(config.ContainsKey("quantization_config"));
        Assert.Equal((2, "float32"), ((int)config["num_hidden_layers"]!, (string?)config["torch_dtype"]));
    }

    [Fact]
    public void Scales_that_are_powers_of_two()
    {
        var codes = Codes(256 * 256, 3);
        Model("q", """{"quant_method": "fp8", "scale_fmt": "ue8m0", "weight_block_size": [128, 128]}""",
            (Weight,
                new RawTensor("F8_E4M3", [256, 256], codes)), (Weight + "_scale_inv",
                    new RawTensor("F8_E8M0", [2, 2], [127, 120, 130, 126])));
        var result = Merged("q")[Weight].Floats();
        Assert.Equal(E4M3(codes[0]), result[0]);
        Assert.Equal(E4M3(codes[200]) / 128, result[200]);
        Assert.Equal(E4M3(codes[(200 * 256) + 3]) * 8, result[(200 * 256) + 3]);
        Assert.Equal(E4M3(codes[^1]) / 2, result[^1]);
    }

    [Fact]
    public void Float8_is_merged_with_plain_weights_and_the_output_is_plain()
    {
        var codes = Codes(16 * 16, 4);
        Model(
            "q",
            """{"quant_method": "fp8"}""",
            (Weight, new RawTensor("F8_E4M3", [16, 16], codes)),
            (Weight + "_scale_inv", RawTensor.F32([1, 1], 0.001f)));
        var plain = RandomTensors.BF16(5, 16, 16);
        Model("p", null, (Weight, plain));
        _space.Merge("m", ("Method", "linear"), ("Base", "models/q"));
        _space.Source("models/q", ("Weight", "0.5"));
        _space.Source("models/p", ("Weight", "0.5"));
        _space.RunAll();
        var result = _space.Result("m");
        Assert.Equal("BF16", Assert.Single(result).Value.DType);
        var (other, read) = (plain.Floats(), result[Weight].Floats());
        for (var i = 0; i < 256; i++)
            Assert.Equal((E4M3(codes[i]) * 0.001f / 2) + (other[i] / 2), read[i], Math.Abs(read[i] / 200) + 1e-7);
        Assert.Contains(_space.State("m").Plan.Notes, note => note.Contains("FP8 with scales", StringComparison.Ordinal));
    }

    [Fact]
    public void Microscaled_float4_of_experts_and_of_matrices()
    {
        float[] values = [0, 0.5f, 1, 1.5f, 2, 3, 4, 6, 0, -0.5f, -1, -1.5f, -2, -3, -4, -6];
        var (blocks, scales) =
            (RandomTensors.Bytes(6, 3 * 5 * 2 * 16), RandomTensors.Bytes(7, 3 * 5 * 2).Select(b => (byte)(100 + (b % 50))).ToArray());
        const string experts = "model.layers.0.mlp.experts.gate_up_proj";
        Model("q", """{"quant_method": "mxfp4", "modules_to_not_convert": ["model.layers.*.self_attn"]}""",
            (experts + "_blocks",
                new RawTensor("U8", [3, 5, 2, 16], blocks)), (experts + "_scales", new RawTensor("U8", [3, 5, 2], scales)),
            (Weight + "_blocks",
                new RawTensor("U8", [15, 2, 16], blocks)), (Weight + "_scales",
                    new RawTensor("U8", [15, 2], scales)), (experts + "_bias", RawTensor.BF16([3, 5], new float[15])));
        var result = Merged("q");
        Assert.Equal([3L, 64, 5], result[experts].Shape);
        Assert.Equal([15L, 64], result[Weight].Shape);
        var (matrix, turned) = (result[Weight].Floats(), result[experts].Floats());
        for (var row = 0; row < 15; row++)
        {
            for (var column = 0; column < 64; column++)
            {
                var at = (row * 64) + column;
                var expected = values[column % 2 == 0 ? blocks[at / 2] % 16 : blocks[at / 2] / 16] * (float)Math.Pow(
                    2, scales[at / 32] - 127);
                Assert.Equal(expected, matrix[at]);
                Assert.Equal(expected, turned[(((row / 5 * 64) + column) * 5) + (row % 5)]);
            }
        }
    }

    [Theory]
    [InlineData("U8", ".weight", ".weight.absmax", """{"quant_method": "bitsandbytes", "load_in_4bit": true}""", "bitsandbytes")]
    [InlineData("U8", ".weight", ".weight.quant_state.bitsandbytes__nf4", null, "bitsandbytes, 4 bit")]
    [InlineData("I8", ".weight", ".SCB", null, "bitsandbytes, 8 bit")]
    [InlineData("I32", ".qweight", ".g_idx", """{"quant_method": "gptq"}""", "GPTQ")]
    [InlineData("I32", ".qweight", ".qzeros", """{"quant_method": "awq"}""", "AWQ")]
    [InlineData("I32", ".weight_packed", ".weight_scale", """{"quant_method": "compressed-tensors"}""", "compressed-tensors")]
    [InlineData("I8", ".weight", ".weight_scale", """{"quant_method": "compressed-tensors"}""", "compressed-tensors")]
    [InlineData("U8", ".weight", ".weight_scale_2", null, "NVFP4")]
    [InlineData("I8", ".weight", ".other", null, "an unknown scheme of whole numbers")]
    [InlineData("U8", "_proj", "_proj_scale", null, "an unknown scheme of whole numbers")]
    [InlineData("I32", "_proj", "_proj_scale_inv", null, "an unknown scheme of whole numbers")]
    [InlineData("F16", ".weight", ".scale_weight", null, "a scale without FP8 codes")]
    [InlineData("F8_E4M3", ".weight", ".other", """{"quant_method": "fp8"}""", "FP8 without a scale")]
    [InlineData("BF16", ".weight", ".weight_scale", null, "a scale without FP8 codes")]
    public void Everything_else_is_refused_by_name_while_planning(
        string dtype, string codes, string scale, string? quantization, string name)
    {
        var size = dtype switch { "I32" => 4, "BF16" or "F16" => 2, _ => 1 };
        Model(
            "q",
            quantization,
            ("layers.0.up" + codes, new RawTensor(dtype, [4, 4], new byte[16 * size])),
            ("layers.0.up" + scale, RawTensor.F32([4], 1, 1, 1, 1)));
        _space.Merge("m", ("Method", "linear"));
        _space.Source("models/q", ("Weight", "1"));
        var refusal = Assert.Single(Assert.Throws<DiagnosticException>(() => _space.Plan()).Diagnostics);
        Assert.Equal("MTK3011", refusal.Code);
        Assert.Contains(name, refusal.Message, StringComparison.Ordinal);
        Assert.Contains("Name the model before it was quantised", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_configuration_says_of_a_quantisation_that_the_weights_do_not_have_is_dropped()
    {
        Model("q", """{"quant_method": "gptq", "bits": 4, "nested": {"a": [1, 2]}}""", (Weight, RawTensor.BF16([2], 1, 2)));
        Merged("q");
        Assert.DoesNotContain(
            "quantization_config", File.ReadAllText(Path.Combine(_space.Output("m"), "config.json")), StringComparison.Ordinal);
        Assert.Contains(_space.State("m").Plan.Notes, note => note.Contains("do not have", StringComparison.Ordinal));
    }

    [Fact]
    public void Another_scale_makes_another_tensor()
    {
        var codes = Codes(256, 8);
        Model("q", null, (Weight, new RawTensor("F8_E4M3", [16, 16], codes)), (Weight + "_scale", RawTensor.F32([], 1)));
        Merged("q");
        Model("q", null, (Weight, new RawTensor("F8_E4M3", [16, 16], codes)), (Weight + "_scale", RawTensor.F32([], 2)));
        Assert.Equal(1, _space.State("m").StaleTensorCount);
        _space.RunAll();
        Assert.Equal(E4M3(codes[7]) * 2, _space.Result("m")[Weight].Floats()[7]);
    }

    private Dictionary<string, RawTensor> Merged(string model)
    {
        _space.Merge("m", ("Method", "passthrough"), ("DType", "float32"));
        _space.Source($"models/{model}");
        _space.RunAll();
        return _space.Result("m");
    }

    private void Model(string name, string? quantization, params (string Name, RawTensor Tensor)[] tensors)
    {
        _space.Model(name, tensors);
        File.WriteAllText(Path.Combine(_space.Folder, "models", name, "config.json"),
            $$"""{"model_type": "test", {{(quantization is null ? "" : $"\"quantization_config\": {quantization},")}} "torch_dtype": "bfloat16", "num_hidden_layers": 2}""");
    }

    // No NaN, which would be refused.
    private static byte[] Codes(int count, int seed) =>
        [.. RandomTensors.Bytes(seed, count).Select(code => (code & 0x7F) == 0x7F ? (byte)1 : code)];

    private static float E4M3(byte code)
    {
        var (exponent, mantissa) = ((code >> 3) & 15, code & 7);
        var magnitude = exponent == 0 ? mantissa / 8.0 * Math.Pow(2, -6) : (1 + (mantissa / 8.0)) * Math.Pow(2, exponent - 7);
        return (float)(code >= 128 ? -magnitude : magnitude);
    }
}
