using System.Text;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Tests.Adapters;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Refused;

/// <summary>
/// Files of models that are no JSON, or JSON that readers do not agree about; each is one diagnostic that names the file.
/// </summary>
public sealed class BrokenFiles : IDisposable
{
    private readonly MergeWorkspace _space = new();

    public void Dispose() => _space.Dispose();

    public static TheoryData<string, string, string> Damages()
    {
        var data = new TheoryData<string, string, string>();
        foreach (var (file, code) in new[]
        {
            ("config.json", "MTK3008"),
            ("generation_config.json", "MTK3008"),
            ("tokenizer.json", "MTK3031"),
            ("tokenizer_config.json", "MTK3031"),
            ("model.safetensors.index.json", "MTK3005"),
            ("model.safetensors", "MTK3004"),
            ("adapter_config.json", "MTK3020")
        })
        {
            foreach (var damage in new[]
            {
                "key twice",
                "key twice below",
                "half a pair in a value",
                "half a pair in a key",
                "bad byte",
                "UTF-16",
                "cut off",
                "empty",
                "too deep",
                "text after it"
            })
                data.Add(file, damage, code);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Damages))]
    public void Are_one_diagnostic(string file, string damage, string code)
    {
        Declare(file.StartsWith("adapter", StringComparison.Ordinal), file.EndsWith("index.json", StringComparison.Ordinal));
        _space.Plan();
        var path = Path.Combine(
            _space.Folder,
            file.StartsWith("adapter", StringComparison.Ordinal) ? "adapter" : file == "tokenizer_config.json" ? "models/b" : "models/a",
            file);
        var whole = File.ReadAllBytes(path);
        var data = file.EndsWith(".safetensors", StringComparison.Ordinal) ? whole[(int)(8 + BitConverter.ToInt64(whole))..] : [];
        var text = data.Length > 0 ? whole[8..^data.Length] : whole;
        text = Damaged(text, damage);
        File.WriteAllBytes(
            path,
            file.EndsWith(".safetensors", StringComparison.Ordinal)
                ? [.. BitConverter.GetBytes((long)text.Length), .. text, .. data]
                : text);
        var diagnostic = Assert.Single(Assert.Throws<DiagnosticException>(_space.Plan).Diagnostics);
        Assert.Equal(code, diagnostic.Code);
        Assert.Contains(file, diagnostic.Message, StringComparison.Ordinal);
        Assert.Equal(_space.ProjectFile, diagnostic.Location!.File);
        Assert.False(Directory.Exists(_space.Output("m")));
    }

    [Fact]
    public void A_byte_order_mark_is_no_damage()
    {
        Declare(adapter: false, sharded: false);
        foreach (var file in new[] { "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json" })
        {
            var path = Path.Combine(_space.Folder, "models/a", file);
            File.WriteAllBytes(path, [0xEF, 0xBB, 0xBF, .. File.ReadAllBytes(path)]);
        }

        _space.RunAll();
        Assert.True(_space.State("m").IsFresh);
    }

    [Theory]
    [InlineData("bad byte", "is not UTF-8 text")]
    [InlineData("pipe", "it is a pipe")]
    [InlineData("NUL", "MTK1003")]
    public void A_recipe_that_is_no_text(string damage, string reason)
    {
        if (!OperatingSystem.IsLinux())
            return;
        var path = Path.Combine(_space.Folder, "r.yml");
        File.WriteAllBytes(path, [.. "merge_method: linear # "u8, 0xFF, (byte)'\n']);
        if (damage == "pipe")
            SpecialFiles.Pipe(path);
        _space.Merge(damage == "NUL" ? "r\0.yml" : "r.yml");
        DiagnosticException? thrown = null;
        SpecialFiles.Soon(() => thrown = Assert.Throws<DiagnosticException>(() => _space.Declarations()));
        Assert.Contains(reason, thrown!.Message, StringComparison.Ordinal);
        Assert.Equal(damage == "NUL" ? "MTK1003" : "MTK2007", thrown.Diagnostics[0].Code);
    }

    [Fact]
    public void A_shape_of_a_hundred_thousand_numbers_makes_no_message_of_them()
    {
        var shape = new string('1', 1) + string.Concat(Enumerable.Repeat(",1", 99_999));
        foreach (var model in new[] { "a", "b" })
            _space.Model(model, ("w", RawTensor.F32([1], 1)));
        TestCheckpoint.WriteRaw(
            Path.Combine(_space.Folder, "models", "b", "model.safetensors"),
            $$$"""{"w":{"dtype":"F32","shape":[{{{shape}}}],"data_offsets":[0,8]}}""",
            new byte[8]);
        Assert.InRange(Message().Length, 1, 1000);
        TestCheckpoint.WriteRaw(
            Path.Combine(_space.Folder, "models", "b", "model.safetensors"),
            $$$"""{"w":{"dtype":"F32","shape":[{{{shape}}}],"data_offsets":[0,4]}}""",
            new byte[4]);
        Assert.InRange(Message().Length, 1, 1000);
        TestCheckpoint.WriteRaw(
            Path.Combine(_space.Folder, "models", "b", "model.safetensors"),
            $$$"""{"{{{new string('n', 1_000_000)}}}":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}}""",
            new byte[4]);
        Assert.InRange(Message().Length, 1, 5000);

        string Message()
        {
            _space.Clear();
            _space.Merge("m", ("Method", "linear"), ("Strict", "true"));
            _space.Source("models/a", ("Weight", "1"));
            _space.Source("models/b", ("Weight", "1"));
            return Assert.Single(Assert.Throws<DiagnosticException>(_space.Plan).Diagnostics).Message;
        }
    }

    private static byte[] Damaged(byte[] bytes, string damage)
    {
        var text = Encoding.UTF8.GetString(bytes).TrimEnd();
        return damage switch
        {
            "key twice" => Text($"{text[..^1].TrimEnd()}{(text.Length > 2 ? "," : "")}\"k\":{{}},\"k\":{{}}}}"),
            "key twice below" => Text($"{text[..^1].TrimEnd()},\"k\":{{\"x\":1,\"\\u0078\":1}}}}"),
            "half a pair in a value" => Text($"{text[..^1].TrimEnd()},\"k\":{{\"x\":[\"\\udead\"]}}}}"),
            "half a pair in a key" => Text($"{text[..^1].TrimEnd()},\"\\ud800\":{{}}}}"),
            "bad byte" => [.. Text($"{text[..^1].TrimEnd()},\"k"), 0xFF, .. Text("\":{}}")],
            "UTF-16" => [.. Encoding.Unicode.Preamble, .. Encoding.Unicode.GetBytes(text)],
            "cut off" => Text(text[..^1]),
            "empty" => [],
            "too deep" => Text($"{text[..^1].TrimEnd()},\"k\":{new string('[', 100)}{new string(']', 100)}}}"),
            _ => Text(text + "\n{}"),
        };

        static byte[] Text(string text) => Encoding.UTF8.GetBytes(text);
    }

    // One merge that reads, compares and rewrites all of a model's files.
    private void Declare(bool adapter, bool sharded)
    {
        foreach (var model in new[] { "a", "b" })
        {
            var folder = _space.Model(
                model, ("model.embed_tokens.weight", RandomTensors.F32(1, 4, 2)), ("l.weight", RandomTensors.F32(2, 4, 4)));
            File.WriteAllText(
                Path.Combine(folder, "tokenizer.json"), TinyTokenizer.Words(model == "a" ? ["?", "x", "y"] : ["?", "y", "z"]));
            File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), """{"chat_template":"{{ 'some template' }}"}""");
            File.WriteAllText(Path.Combine(folder, "generation_config.json"), """{"eos_token_id":2}""");
            if (!sharded || model == "b")
                continue;
            File.Move(Path.Combine(folder, "model.safetensors"), Path.Combine(folder, "model-00001-of-00001.safetensors"));
            File.WriteAllText(
                Path.Combine(folder, "model.safetensors.index.json"),
                """{"weight_map":{"l.weight":"model-00001-of-00001.safetensors","model.embed_tokens.weight":"model-00001-of-00001.safetensors"}}""");
        }

        if (adapter)
            AdapterFolder.Write(
                Path.Combine(_space.Folder, "adapter"), new { r = 2, lora_alpha = 2 }, AdapterFolder.Linear("l", 3, 2, 4, 4));
        _space.Merge("m", ("Method", "linear"), ("TokenizerSource", "models/b"), ("ChatTemplate", "auto"));
        _space.Source("models/a", adapter ? [("Weight", "1"), ("Adapter", "adapter")] : [("Weight", "1")]);
        _space.Source("models/b", ("Weight", "1"));
    }
}
