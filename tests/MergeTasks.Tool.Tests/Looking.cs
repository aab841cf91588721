using System.Text.Json;
using MergeTasks.TestSupport;

namespace MergeTasks.Tool.Tests;

/// <summary><c>inspect</c> and <c>diff</c>.</summary>
public sealed class Looking : IDisposable
{
    // More than one block, and no whole number of vectors.
    private const long Rows = 331;
    private const long Columns = 211;

    private readonly ToolFolder _folder = new();

    [Fact]
    public void Inspect_tells_what_a_folder_holds()
    {
        _folder.Model(
            "model",
            ("model.embed_tokens.weight", RandomTensors.BF16(1, 12, 4)),
            ("model.layers.0.mlp.up_proj.weight", RandomTensors.F32(2, 3, 4)),
            ("model.layers.1.mlp.up_proj.weight", RandomTensors.F32(3, 3, 4)),
            ("positions", RawTensor.I64([2], 0, 1)));
        File.WriteAllText(_folder["model", "config.json"], """{"architectures": ["Novel"], "model_type": "novel", "eos_token_id": 7}""");
        File.WriteAllText(_folder["model", "README.md"], "---\nlicense: apache-2.0\n---\n");
        File.WriteAllText(
            _folder["model", "tokenizer.json"],
            """{"model": {"type": "BPE", "vocab": {"a": 0, "b": 1}}, "added_tokens": [{"id": 2, "content": "<end>"}]}""");

        var told = _folder.Run("inspect", "model", "--tensors", "--json").Json;
        Assert.Equal("Novel", told.GetProperty("architecture").GetString());
        Assert.Equal(48 + 24 + 2, told.GetProperty("parameters").GetInt64());
        Assert.Equal((48 * 2) + (24 * 4) + (2 * 8), told.GetProperty("bytes").GetInt64());
        Assert.Equal(["BF16", "F32", "I64"], told.GetProperty("types").EnumerateArray().Select(Text("type")).Order());
        Assert.Equal(2, told.GetProperty("layers")[0].GetProperty("layers").GetInt32());
        var tokens = told.GetProperty("vocabulary");
        Assert.Equal((3, 12), (tokens.GetProperty("tokens").GetInt32(), tokens.GetProperty("rows").GetInt32()));
        Assert.Equal("<end>", tokens.GetProperty("added")[0].GetString());
        Assert.Equal(7, tokens.GetProperty("endTokens")[0].GetInt32());
        Assert.Equal("apache-2.0", told.GetProperty("licences")[0].GetString());
        Assert.Contains("novel", told.GetProperty("engine").GetString(), StringComparison.OrdinalIgnoreCase);
        Assert.Equal(4, told.GetProperty("tensors").GetArrayLength());

        var shown = _folder.Run("inspect", "model", "--tensors");
        Assert.Equal(ExitCode.Done, shown.Code);
        Assert.Matches(@"\nlicence +apache-2\.0\n", shown.Output);
        Assert.Matches(@"\| model\.layers\.1\.mlp\.up_proj\.weight +\| F32 +\| \[3, 4\] +\| +12 \|", shown.Output);
        Assert.DoesNotMatch(@"[ \t]\n|\u001b", shown.Output);
    }

    [Fact]
    public void An_adapter_is_one_and_runs_on_its_model()
    {
        _folder.Model("base", ("model.layers.0.mlp.up_proj.weight", RandomTensors.F32(2, 3, 4)));
        Directory.CreateDirectory(_folder["lora"]);
        File.WriteAllText(_folder["lora", "adapter_config.json"], """{"peft_type": "LORA", "r": 1, "lora_alpha": 2}""");
        TestCheckpoint.WriteFile(
            _folder["lora", "adapter_model.safetensors"],
            ("base_model.model.model.layers.0.mlp.up_proj.lora_A.weight", RawTensor.F32([1, 4], 1, 0, 0, 0)),
            ("base_model.model.model.layers.0.mlp.up_proj.lora_B.weight", RawTensor.F32([3, 1], 1, 0, 0)));

        Assert.Equal("adapter", _folder.Run("inspect", "lora", "--json").Json.GetProperty("kind").GetString());
        var change = _folder.Run("diff", "base", "base+lora", "--json").Json.GetProperty("whole");
        Assert.Equal(1, change.GetProperty("changed").GetInt64());
        Assert.Equal(2, change.GetProperty("largest").GetDouble(), 1e-6);
    }

    [Fact]
    public void Diff_counts_what_a_slow_loop_counts()
    {
        var (a, b) = (RandomTensors.F32(1, Rows, Columns), RandomTensors.F32(2, Rows, Columns));
        var half = RandomTensors.BF16(3, 5, 7);
        var mixed = RawTensor.F32(a.Shape, [.. a.Floats().Zip(b.Floats(), (x, y) => y > 0.01 ? x + y : x)]);
        _folder.Model("a", ("model.layers.0.up.weight", a), ("model.layers.0.down.weight", half), ("model.layers.1.up.weight", b));
        _folder.Model(
            "b",
            ("model.layers.0.up.weight", mixed),
            ("model.layers.0.down.weight", RawTensor.F32(half.Shape, half.Floats())),
            ("model.layers.1.up.weight", b));

        var told = _folder.Run("diff", "a", "b", "--json").Json;
        Assert.False(told.GetProperty("isSame").GetBoolean());
        var rows = told.GetProperty("tensors").EnumerateArray().ToDictionary(row => row.GetProperty("name").GetString()!);
        Compare(rows["model.layers.0.up.weight"], a.Floats(), mixed.Floats());
        Assert.Equal("BF16 in a and F32 in b", rows["model.layers.0.down.weight"].GetProperty("types").GetString());
        var layers = told.GetProperty("layers").EnumerateArray().ToList();
        Assert.Equal(["layers.0", "layers.1"], layers.Select(Text("name")));
        Compare(layers[0], [.. half.Floats(), .. a.Floats()], [.. half.Floats(), .. mixed.Floats()]);
        Assert.Equal((0, 1), (layers[1].GetProperty("changed").GetInt64(), layers[1].GetProperty("cosine").GetDouble()));

        // However many threads.
        Assert.Equal(
            _folder.Run("diff", "a", "b", "--json", "--num-threads", "1").Output,
            _folder.Run("diff", "a", "b", "--json", "--num-threads", "5").Output);
        Assert.Contains("| all ", _folder.Run("diff", "a", "b").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Diff_names_what_cannot_be_compared()
    {
        var shared = ("norm.weight", RawTensor.F32([2], 1, 2));
        var single = RandomTensors.F32(1, 2);
        _folder.Model("a", shared, ("ids", RawTensor.I64([2], 0, 1)), ("wide", RandomTensors.F32(1, 2, 3)), ("first", single));
        _folder.Model("b", shared, ("ids", RawTensor.I64([2], 0, 2)), ("wide", RandomTensors.F32(1, 3, 2)), ("second", single));
        File.WriteAllText(_folder["a", "config.json"], """{"rms_norm_eps": 1e-5, "rope": {"theta": 1}, "same": [1, 2]}""");
        File.WriteAllText(_folder["b", "config.json"], """{"rms_norm_eps": 1e-6, "rope": {"theta": 1, "kind": "x"}, "same": [1,2]}""");
        File.WriteAllText(_folder["a", "tokenizer.json"], """{"model": {"type": "BPE", "vocab": {"a": 0, "b": 1}}}""");
        File.WriteAllText(_folder["b", "tokenizer.json"], """{"model": {"type": "BPE", "vocab": {"a": 0, "c": 1}}}""");

        var result = _folder.Run("diff", "a", "b", "--json", "--exit-code");
        Assert.Equal(ExitCode.No, result.Code);
        var other = result.Json.GetProperty("other").EnumerateArray()
            .ToDictionary(one => one.GetProperty("tensor").GetString()!, one => one.GetProperty("difference").GetString()!);
        Assert.Equal(["first", "ids", "second", "wide"], other.Keys.Order(StringComparer.Ordinal));
        Assert.Equal("[2, 3] in the first, [3, 2] in the second", other["wide"]);
        Assert.Equal(("only in the first", "only in the second"), (other["first"], other["second"]));
        var settings = result.Json.GetProperty("configuration").EnumerateArray().ToList();
        Assert.Equal(["rms_norm_eps", "rope.kind"], settings.Select(Text("key")));
        Assert.True(settings[0].GetProperty("matters").GetBoolean());
        Assert.Contains("'b' (1) only in 'a'", result.Json.GetProperty("vocabulary").GetString(), StringComparison.Ordinal);
        Assert.Equal(ExitCode.Done, _folder.Run("diff", "a", "a", "--exit-code").Code);
        Assert.Contains("The models are the same.", _folder.Run("diff", "a", "a").Output, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private static void Compare(JsonElement row, float[] a, float[] b)
    {
        double squares = 0, other = 0, product = 0, change = 0, largest = 0;
        var changed = 0L;
        for (var i = 0; i < a.Length; i++)
        {
            var delta = (double)(b[i] - a[i]);
            (squares, other, product) = (squares + ((double)a[i] * a[i]), other + ((double)b[i] * b[i]), product + ((double)a[i] * b[i]));
            (change, largest, changed) = (change + (delta * delta), Math.Max(largest, Math.Abs(delta)), changed + (delta != 0 ? 1 : 0));
        }

        Assert.Equal(a.Length, row.GetProperty("elements").GetInt64());
        Assert.Equal(changed, row.GetProperty("changed").GetInt64());
        Assert.Equal(Math.Sqrt(change / squares), row.GetProperty("relativeSize").GetDouble(), 1e-9);
        Assert.Equal(largest, row.GetProperty("largest").GetDouble());
        Assert.Equal(product / Math.Sqrt(squares * other), row.GetProperty("cosine").GetDouble(), 1e-7);
    }

    private static Func<JsonElement, string?> Text(string property) => element => element.GetProperty(property).GetString();
}
