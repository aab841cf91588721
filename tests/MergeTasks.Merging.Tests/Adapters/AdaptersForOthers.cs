using System.Text.Json.Nodes;
using MergeTasks.Language.Diagnostics;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Adapters;

/// <summary>
/// What PEFT and transformers demand of adapters that are made here, and how adapters and bare models are named elsewhere.
/// </summary>
public sealed class AdaptersForOthers : IDisposable
{
    private const string Prefix = "base_model.model.";

    private readonly MergeWorkspace _space = new();

    public void Dispose() => _space.Dispose();

    [Theory]
    [InlineData("LlamaForCausalLM", "CAUSAL_LM")]
    [InlineData("GPT2LMHeadModel", "CAUSAL_LM")]
    [InlineData("BertForSequenceClassification", "SEQ_CLS")]
    [InlineData("LlavaForConditionalGeneration", null)]
    [InlineData("T5ForConditionalGeneration", "SEQ_2_SEQ_LM", "\"is_encoder_decoder\": true")]
    [InlineData("XLMRobertaModel", "FEATURE_EXTRACTION")]
    public void The_task_and_the_class_of_the_base_are_told(string architecture, string? task, string more = "\"x\": 1")
    {
        var config = $$"""{"architectures": ["{{architecture}}"], "model_type": "llama", {{more}}}""";
        Models(config, ("x.q_proj.weight", RandomTensors.F32(1, 6, 6), RandomTensors.F32(2, 6, 6)));
        var written = Extracted("3").Config;
        Assert.Equal(task, (string?)written["task_type"]);
        Assert.Equal(
            (architecture, "transformers.models.llama.modeling_llama"),
            ((string?)written["auto_mapping"]!["base_model_class"], (string?)written["auto_mapping"]!["parent_library"]));
    }

    [Fact]
    public void Tables_have_factors_of_embeddings_and_modules_that_are_saved_are_complete()
    {
        var (wte, wpe, weight, bias) =
            (RandomTensors.F32(1, 9, 4), RandomTensors.F32(2, 8, 4), RandomTensors.F32(3, 5, 4), RandomTensors.F32(4, 5));
        Models("{}",
            ("transformer.wte.weight", wte, RandomTensors.F32(5, 9, 4)), ("transformer.wpe.weight", wpe, RandomTensors.F32(6, 8, 4)),
            ("encoder.block.0.attn.relative_attention_bias.weight", RandomTensors.F32(7, 8, 2), RandomTensors.F32(8, 8, 2)),
            ("h.0.q_proj.weight", weight, weight), ("h.0.q_proj.bias", bias, RandomTensors.F32(9, 5)));
        var (tensors, config) = Extracted("2");
        Assert.Equal([
            Prefix + "encoder.block.0.attn.relative_attention_bias.lora_embedding_A",
            Prefix + "encoder.block.0.attn.relative_attention_bias.lora_embedding_B",
            Prefix + "h.0.q_proj.bias", Prefix + "h.0.q_proj.weight",
            Prefix
                + "transformer.wpe.lora_embedding_A", Prefix
                    + "transformer.wpe.lora_embedding_B", Prefix
                        + "transformer.wte.lora_embedding_A", Prefix + "transformer.wte.lora_embedding_B"
                        ], tensors.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(weight.Bytes, tensors[Prefix + "h.0.q_proj.weight"].Bytes);
        Assert.Equal(["h.0.q_proj"], config["modules_to_save"]!.AsArray().Select(name => (string?)name));
    }

    [Theory]
    [InlineData(40, 2)]
    [InlineData(40, 3)]
    [InlineData(7, 50)]
    [InlineData(64, 5)]
    [InlineData(6, 6)]
    public void Narrow_matrices_are_exact_at_their_full_rank(int rows, int columns)
    {
        var (basis, tuned) = (RandomTensors.F32(1, rows, columns), RandomTensors.F32(2, rows, columns));
        Models("{}", ("m.q_proj.weight", basis, tuned));
        var (tensors, _) = Extracted("12");
        var fused = AdapterFolder.Fused(basis, tensors[Prefix + "m.q_proj.lora_A.weight"], tensors[Prefix + "m.q_proj.lora_B.weight"], 1);
        Assert.All(fused.Zip(tuned.Floats()), pair => Assert.Equal(pair.Second, pair.First, 1e-7));
    }

    [Fact]
    public void A_router_has_the_usual_rank_filled_up_with_zeros()
    {
        var (basis, tuned) = (RandomTensors.F32(1, 4, 32), RandomTensors.F32(2, 4, 32));
        Models(
            "{}",
            ("model.layers.0.block_sparse_moe.gate.weight", basis, tuned),
            ("model.layers.0.self_attn.q_proj.weight", RandomTensors.F32(3, 32, 32), RandomTensors.F32(4, 32, 32)));
        var (tensors, config) = Extracted("12");
        var (a, b) =
            (tensors[Prefix + "model.layers.0.block_sparse_moe.gate.lora_A.weight"],
                tensors[Prefix + "model.layers.0.block_sparse_moe.gate.lora_B.weight"]);
        Assert.Equal([12, 32], a.Shape);
        Assert.Equal([4, 12], b.Shape);
        Assert.Equal((12, 0), ((int)config["r"]!, config["rank_pattern"]!.AsObject().Count));
        Assert.All(AdapterFolder.Fused(basis, a, b, 1).Zip(tuned.Floats()), pair => Assert.Equal(pair.Second, pair.First, 1e-6));
    }

    [Theory]
    [InlineData("""{"tie_word_embeddings": true}""")]
    [InlineData("""{"architectures": ["GPT2LMHeadModel"]}""")]
    public void A_change_of_tied_tables_is_that_of_both(string config)
    {
        var (table, tuned) = (RandomTensors.F32(1, 7, 4), RandomTensors.F32(2, 7, 4));
        Models(config, ("model.embed_tokens.weight", table, tuned));
        var (tensors, written) = Extracted("4");
        Assert.True((bool)written["ensure_weight_tying"]!);
        double[] expected = [.. tuned.Floats()];
        var (a, b) = (tensors[Prefix + "model.embed_tokens.lora_embedding_A"], tensors[Prefix + "model.embed_tokens.lora_embedding_B"]);
        Assert.All(
            AdapterFolder.Fused(table, a, b, 1, transposed: true).Zip(expected), pair => Assert.Equal(pair.Second, pair.First, 1e-6));
        (a, b) = (tensors[Prefix + "lm_head.lora_A.weight"], tensors[Prefix + "lm_head.lora_B.weight"]);
        Assert.All(AdapterFolder.Fused(table, a, b, 1).Zip(expected), pair => Assert.Equal(pair.Second, pair.First, 1e-6));

        // On the base it is the tuned model again, tied.
        _space.Merge("back", ("Method", "passthrough"));
        _space.Source("models/base", ("Into", "back"), ("Adapter", "m"));
        _space.RunAll();
        var result = Assert.Single(_space.Result("back"));
        Assert.All(result.Value.Floats().Zip(expected), pair => Assert.Equal(pair.Second, pair.First, 1e-6));
    }

    [Fact]
    public void What_only_the_base_s_type_rounded_is_no_change()
    {
        var (exact, changed) = (RandomTensors.F32(1, 6, 4), RandomTensors.F32(2, 6, 4));
        Models(
            "{}",
            ("a.q_proj.weight", RawTensor.BF16([6, 4], exact.Floats()), exact),
            ("b.q_proj.weight", RawTensor.BF16([6, 4], exact.Floats()), changed));
        var (tensors, _) = Extracted("4");
        Assert.All(tensors[Prefix + "a.q_proj.lora_B.weight"].Floats(), value => Assert.Equal(0, value));
        Assert.Contains(tensors[Prefix + "b.q_proj.lora_B.weight"].Floats(), value => value != 0);
    }

    [Fact]
    public void What_is_kept_need_not_fit()
    {
        Models(
            "{}",
            ("model.layers.0.mlp.weight", RandomTensors.F32(1, 6, 4), RandomTensors.F32(2, 8, 4)),
            ("x.q_proj.weight", RandomTensors.F32(3, 4, 4), RandomTensors.F32(4, 4, 4)));
        Assert.Contains("KeepTensors", Assert.Throws<DiagnosticException>(() => Extracted("2")).Message, StringComparison.Ordinal);
        Assert.Equal(2, Extracted("2", ("KeepTensors", "*mlp*")).Tensors.Count);
    }

    [Theory]
    [InlineData(6, 8, null, new[] { 0, 1, 2, 3, 4, 5 })]
    [InlineData(8, 6, null, new[] { 0, 1, 2, 3, 4, 5, -1, -1 })]
    [InlineData(6, 8, "a b c d|a b e c d f", new[] { 0, 1, 3, 4, -1, -1 })]
    [InlineData(4, 4, "a b c d|a c b e", new[] { 0, 2, 1, -1 })]
    public void Vocabularies_that_differ_have_the_change_of_the_tokens_in_common(int rows, int tunedRows, string? words, int[] map)
    {
        ArgumentNullException.ThrowIfNull(map);
        var (table, tunedTable, head, tunedHead) = (RandomTensors.F32(1, rows, 3), RandomTensors.F32(2, tunedRows, 3),
            RandomTensors.F32(3, rows, 3), RandomTensors.F32(4, tunedRows, 3));
        Models(
            """{"tie_word_embeddings": false}""",
            ("model.embed_tokens.weight", table, tunedTable), ("lm_head.weight", head, tunedHead),
            ("x.q_proj.weight", RandomTensors.F32(5, 4, 4), RandomTensors.F32(6, 4, 4)));
        foreach (var (name, own) in new[] { "base", "tuned" }.Zip(words?.Split('|') ?? []))
            File.WriteAllText(
                Path.Combine(_space.Folder, "models", name, "tokenizer.json"), TinyTokenizer.Words(own.Split(' ')));
        var (tensors, _) = Extracted("8");
        var (a, b) = (tensors[Prefix + "model.embed_tokens.lora_embedding_A"], tensors[Prefix + "model.embed_tokens.lora_embedding_B"]);
        Check(AdapterFolder.Fused(table, a, b, 1, transposed: true), table, tunedTable);
        (a, b) = (tensors[Prefix + "lm_head.lora_A.weight"], tensors[Prefix + "lm_head.lora_B.weight"]);
        Check(AdapterFolder.Fused(head, a, b, 1), head, tunedHead);
        Assert.Contains(_space.State("m").Plan.Notes, note => note.Contains("rows that both models have", StringComparison.Ordinal));

        // Without them nothing is said of rows.
        Assert.Equal(2, Extracted("8", ("KeepTensors", "*embed_tokens*;lm_head.*")).Tensors.Count);
        Assert.DoesNotContain(_space.State("m").Plan.Notes, note => note.Contains("rows", StringComparison.Ordinal));

        void Check(double[] fused, RawTensor basis, RawTensor tuned)
        {
            for (var row = 0; row < map.Length; row++)
            {
                for (var column = 0; column < 3; column++)
                    Assert.Equal(
                        map[row] < 0 ? basis.Floats()[(row * 3) + column] : tuned.Floats()[(map[row] * 3) + column],
                        fused[(row * 3) + column],
                        1e-6);
            }
        }
    }

    [Theory]
    [InlineData("language_model.model.layers.0.q_proj", "model.language_model.layers.0.q_proj")]
    [InlineData("language_model.lm_head", "lm_head")]
    [InlineData("vision_tower.encoder.layers.0.q_proj", "model.vision_tower.encoder.layers.0.q_proj")]
    [InlineData("visual.blocks.0.attn.qkv", "model.visual.blocks.0.attn.qkv", "model.layers.0.mlp.up_proj")]
    [InlineData("model.layers.0.mlp.up_proj", "model.language_model.layers.0.mlp.up_proj", "visual.blocks.0.attn.qkv")]
    [InlineData("model.language_model.layers.0.q_proj", "model.language_model.layers.0.q_proj")]
    public void Made_adapters_of_models_with_several_parts_have_the_names_of_modules(string stored, string module, string other = "")
    {
        var others = other.Length > 0 ? other
            : stored.StartsWith("model.", StringComparison.Ordinal) ? "model.x.y"
            : "language_model.model.x.y";
        Models(
            """{"architectures": ["LlavaForConditionalGeneration"]}""",
            (stored + ".weight", RandomTensors.F32(1, 4, 4), RandomTensors.F32(2, 4, 4)),
            (others + ".weight", RandomTensors.F32(3, 4, 4), RandomTensors.F32(3, 4, 4)));
        var (tensors, config) = Extracted("4");
        Assert.Equal([$"{Prefix}{module}.lora_A.weight", $"{Prefix}{module}.lora_B.weight"], tensors.Keys.Order(StringComparer.Ordinal));
        Assert.Equal([module], config["target_modules"]!.AsArray().Select(name => (string?)name));

        // And it is found again.
        _space.Merge("back", ("Method", "passthrough"));
        _space.Source("models/base", ("Into", "back"), ("Adapter", "m"));
        _space.RunAll();
        Assert.All(
            _space.Result("back")[stored + ".weight"].Floats().Zip(RandomTensors.F32(2, 4, 4).Floats()),
            pair => Assert.Equal(pair.Second, pair.First, 1e-6));
    }

    [Theory]
    [InlineData("model.language_model.", "language_model.model.")]
    [InlineData("model.language_model.", "model.")]
    [InlineData("language_model.model.", "model.language_model.")]
    [InlineData("language_model.model.", "model.")]
    [InlineData("model.", "language_model.model.")]
    [InlineData("model.", "model.language_model.")]
    public void Adapters_of_language_models_within_others_are_matched_by_structure(string trained, string stored)
    {
        var (language, vision) = (RandomTensors.F32(1, 8, 6), RandomTensors.F32(2, 8, 6));
        var factors = AdapterFolder.Linear($"{trained}layers.0.self_attn.q_proj", 3, 2, 8, 6);
        _space.Model(
            "base",
            ($"{stored}layers.0.self_attn.q_proj.weight", language),
            ("vision_tower.vision_model.encoder.layers.0.self_attn.q_proj.weight", vision),
            ($"{stored}norm.weight", RandomTensors.F32(5, 6)));
        AdapterFolder.Write(
            Path.Combine(_space.Folder, "adapter"),
            new { r = 2, lora_alpha = 2 },
            [.. factors, ($"{trained}norm.weight", RandomTensors.F32(6, 6))]);
        _space.Merge("m", ("Method", "passthrough"));
        _space.Source("models/base", ("Adapter", "adapter"));
        _space.RunAll();
        AdapterFolder.AssertClose(
            AdapterFolder.Fused(language, factors[0].Tensor, factors[1].Tensor, 1),
            _space.Result("m")[$"{stored}layers.0.self_attn.q_proj.weight"]);
        Assert.Equal(vision.Bytes, _space.Result("m")["vision_tower.vision_model.encoder.layers.0.self_attn.q_proj.weight"].Bytes);
        Assert.Equal(RandomTensors.F32(6, 6).Bytes, _space.Result("m")[$"{stored}norm.weight"].Bytes);
    }

    [Theory]
    [InlineData("mpnet.")]
    [InlineData("electra.")]
    [InlineData("deberta.")]
    [InlineData("albert.")]
    [InlineData("vit.")]
    [InlineData("wav2vec2.")]
    [InlineData("some_class_of_tomorrow.")]
    public void Bare_backbones_are_those_within_classes(string wrapper)
    {
        string[] names = [
            "embeddings.word_embeddings.weight",
            "encoder.layer.0.attention.q.weight",
            "encoder.layer.1.attention.q.weight",
            "pooler.dense.weight",
            "embeddings.cls_token",
            "layernorm.weight",
            "mask_token"
        ];
        _space.Model("bare", [.. names.Select((name, i) => (name, RandomTensors.F32(i, 4, 4)))]);
        _space.Model(
            "within",
            [
                .. names.Select((name, i) => (wrapper + name, RandomTensors.F32(10 + i, 4, 4))),
                ("classifier.weight", RandomTensors.F32(20, 2, 4))
            ]);
        foreach (var (first, second, prefix) in new[] { ("bare", "within", ""), ("within", "bare", wrapper) })
        {
            _space.Clear();
            _space.Merge("m", ("Method", "linear"));
            _space.Source($"models/{first}", ("Weight", "0.5"));
            _space.Source($"models/{second}", ("Weight", "0.5"));
            _space.RunAll();
            var result = _space.Result("m");
            for (var i = 0; i < names.Length; i++)
                Assert.Equal(
                    RandomTensors.F32(i, 4, 4).Floats().Zip(RandomTensors.F32(10 + i, 4, 4).Floats(), (x, y) => (x / 2) + (y / 2)),
                    result[prefix + names[i]].Floats());
        }
    }

    [Theory]
    [InlineData("model.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 5\n", "git lfs pull")]
    [InlineData("pytorch_model.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 5\n", "git lfs pull")]
    [InlineData("model-00001-of-00002.safetensors", "", "no 'model.safetensors.index.json'")]
    [InlineData("consolidated.safetensors", "", "the maker's own format")]
    [InlineData("weights.safetensors", "", "no name that loaders look for")]
    public void What_was_found_in_the_place_of_weights_is_said(string file, string text, string message)
    {
        Directory.CreateDirectory(Path.Combine(_space.Folder, "models", "x"));
        File.WriteAllText(Path.Combine(_space.Folder, "models", "x", "config.json"), "{}");
        File.WriteAllText(Path.Combine(_space.Folder, "models", "x", file), text);
        _space.Merge("m", ("Method", "passthrough"));
        _space.Source("models/x");
        Assert.Contains(message, Assert.Throws<DiagnosticException>(() => _space.Plan()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("config.json")]
    [InlineData("generation_config.json")]
    [InlineData("tokenizer.json")]
    [InlineData("tokenizer.model")]
    [InlineData("merges.txt")]
    [InlineData("chat_template.jinja")]
    public void Pointers_of_git_lfs_are_no_files_of_a_model(string file)
    {
        foreach (var name in new[] { "x", "y" })
        {
            _space.Model(name, ("model.norm.weight", RandomTensors.F32(1, 4)));
            File.WriteAllText(Path.Combine(_space.Folder, "models", name, "config.json"), "{}");
            File.WriteAllText(
                Path.Combine(_space.Folder, "models", name, file), "version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 5\n");
        }

        _space.Merge("m", ("Method", "linear"));
        _space.Source("models/x", ("Weight", "1"));
        _space.Source("models/y", ("Weight", "1"));
        Assert.Contains("git lfs pull", Assert.Throws<DiagnosticException>(() => _space.RunAll()).Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_space.Output("m")));
    }

    private void Models(string config, params (string Name, RawTensor Base, RawTensor Tuned)[] tensors)
    {
        _space.Model("base", [.. tensors.Select(tensor => (tensor.Name, tensor.Base))]);
        _space.Model("tuned", [.. tensors.Select(tensor => (tensor.Name, tensor.Tuned))]);
        foreach (var name in new[] { "base", "tuned" })
            File.WriteAllText(Path.Combine(_space.Folder, "models", name, "config.json"), config);
    }

    private (Dictionary<string, RawTensor> Tensors, JsonNode Config) Extracted(string rank, params (string Name, string Value)[] metadata)
    {
        _space.Clear();
        _space.Merge("m", [("Method", "extract_lora"), ("Base", "models/base"), ("Rank", rank), .. metadata]);
        _space.Source("models/tuned", ("Into", "m"));
        _space.RunAll();
        return (_space.Result("m"), JsonNode.Parse(File.ReadAllText(Path.Combine(_space.Output("m"), "adapter_config.json")))!);
    }
}
