using System.Text.Json.Nodes;
using MergeTasks.Language.Diagnostics;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Adapters;

/// <summary>
/// Adapters of other forms than factors of linear modules, against what PEFT's merge_and_unload computes, in double precision: single
/// tokens, parameters of experts, convolutions, biases, tied tables, blocks under other names.
/// </summary>
public sealed class TrainedElsewhere : IDisposable
{
    private readonly MergeWorkspace _space = new();

    public void Dispose() => _space.Dispose();

    [Theory]
    [InlineData("""{"trainable_token_indices": [5, 0, 3]}""", ".token_adapter.trainable_tokens_delta")]
    [InlineData("""{"trainable_token_indices": {"embed_tokens": [5, 0, 3], "lm_head": [1]}}""", ".token_adapter.trainable_tokens_delta")]
    [InlineData("""{"peft_type": "TRAINABLE_TOKENS", "token_indices": [5, 0, 3]}""", ".trainable_tokens_delta")]
    public void Rows_of_single_tokens_are_replaced(string config, string suffix)
    {
        var (table, rows) = (RandomTensors.BF16(1, 7, 4), RandomTensors.BF16(2, 3, 4));
        Model("""{"tie_word_embeddings": true}""", ("model.embed_tokens.weight", table), ("model.norm.weight", RandomTensors.F32(3, 4)));
        Adapter(JsonNode.Parse(config)!, ("model.embed_tokens" + suffix, rows));
        var result = Merged();
        int[] order = [1, -1, -1, 2, -1, 0, -1];
        var expected = table.Floats().Chunk(4).SelectMany((row, i) =>
            order[i] < 0 ? row : rows.Floats().Chunk(4).ElementAt(order[i]));
        Assert.Equal(expected, result["model.embed_tokens.weight"].Floats());

        // Tied tables were trained as one.
        Assert.Equal(["model.embed_tokens.weight", "model.norm.weight"], result.Keys.Order(StringComparer.Ordinal));
        Assert.True((bool)Config()["tie_word_embeddings"]!);
    }

    [Theory]
    [InlineData("""{"trainable_token_indices": [5, 0]}""", "3, 4] for 2 tokens")]
    [InlineData("""{"trainable_token_indices": [5, 0, 7]}""", "the token 7")]
    [InlineData("""{"trainable_token_indices": [5, 0, 5]}""", "twice")]
    [InlineData("""{"trainable_token_indices": [5, 0, -1]}""", "no token's number")]
    [InlineData("{}", "says nothing")]
    public void Rows_that_do_not_fit_their_tokens(string config, string message)
    {
        Model("{}", ("model.embed_tokens.weight", RandomTensors.F32(1, 7, 4)));
        Adapter(JsonNode.Parse(config)!, ("model.embed_tokens.token_adapter.trainable_tokens_delta", RandomTensors.F32(2, 3, 4)));
        Assert.Contains(message, Assert.Throws<DiagnosticException>(() => Merged()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(6, 5, 4, false, null)]
    [InlineData(6, 5, 4, true, null)]
    [InlineData(4, 4, 4, true, "llama4")]
    [InlineData(8, 4, 4, false, "mixtral", "0.19.1")]
    [InlineData(8, 4, 4, true, "gpt_oss", "0.19.1")]
    [InlineData(8, 4, 4, false, "mixtral", "0.19.0rc1")]
    [InlineData(8, 4, 4, false, "mixtral", "0.18.2.dev0@1f2e3d")]
    public void Experts_in_stacks(int gates, int hidden, int inner, bool isTransposed, string? family, string? version = null)
    {
        const int experts = 3;
        const int rank = 2;
        const string module = "model.layers.0.mlp.experts";
        var gate = RandomTensors.F32(1, isTransposed ? [experts, hidden, gates] : [experts, gates, hidden]);
        var down = RandomTensors.F32(2, isTransposed ? [experts, inner, hidden] : [experts, hidden, inner]);
        Model($$"""{"model_type": "{{family}}"}""", ($"{module}.gate_up_proj", gate), ($"{module}.down_proj", down));
        var (outer, within) = (Factors(10, experts * rank, hidden, inner), Factors(20, experts * rank, gates, hidden));
        Adapter(
            new JsonObject
            {
                ["r"] = rank,
                ["lora_alpha"] = 6,
                ["peft_version"] = version,
                ["target_parameters"] = new JsonArray("mlp.experts.gate_up_proj", "mlp.experts.down_proj"),
            },
            ($"{module}.lora_A.weight", outer.A), ($"{module}.lora_B.weight", outer.B),
            ($"{module}.base_layer.lora_A.weight", within.A), ($"{module}.base_layer.lora_B.weight", within.B));
        var result = Merged();
        AdapterFolder.AssertClose(Stacked(gate, within, experts, 3, isTransposed), result[$"{module}.gate_up_proj"]);
        AdapterFolder.AssertClose(Stacked(down, outer, experts, 3, isTransposed), result[$"{module}.down_proj"]);
    }

    [Theory]
    [InlineData("mlp.experts", "gate_proj", "up_proj", "down_proj")]
    [InlineData("block_sparse_moe.experts", "w1", "w3", "w2")]
    public void Experts_that_are_stored_one_by_one(string block, string gate, string up, string down)
    {
        const int experts = 3;
        const int rank = 2;
        const string module = "model.layers.1.mlp.experts";
        var tensors = Enumerable.Range(0, experts).SelectMany(e => new[]
        {
            ($"model.layers.1.{block}.{e}.{gate}.weight", RandomTensors.F32(e, 6, 5)),
            ($"model.layers.1.{block}.{e}.{up}.weight", RandomTensors.F32(10 + e, 6, 5)),
            ($"model.layers.1.{block}.{e}.{down}.weight", RandomTensors.F32(20 + e, 5, 6)),
        }).Append(($"model.layers.1.{block.Split('.')[0]}.gate.weight", RandomTensors.F32(30, experts, 5))).ToArray();
        Model("{}", tensors);
        var (outer, within) = (Factors(10, experts * rank, 5, 6), Factors(20, experts * rank, 12, 5));
        var router = RandomTensors.F32(31, experts, 5);
        Adapter(
            new JsonObject { ["r"] = rank, ["lora_alpha"] = 2, ["target_parameters"] = new JsonArray("experts.gate_up_proj", "experts.down_proj") },
            ($"{module}.lora_A.weight", outer.A), ($"{module}.lora_B.weight", outer.B),
            ($"{module}.base_layer.lora_A.weight", within.A), ($"{module}.base_layer.lora_B.weight", within.B),
            ("model.layers.1.mlp.gate.weight", router));
        var result = Merged();
        var (gates, downs) = (new RawTensor("F32", [experts, 12, 5], new byte[experts * 60 * 4]), new RawTensor("F32", [experts, 5, 6], new byte[experts * 30 * 4]));
        var (gateChange, downChange) = (Stacked(gates, within, experts, 1, false), Stacked(downs, outer, experts, 1, false));
        for (var e = 0; e < experts; e++)
        {
            Check($"{e}.{gate}.weight", gateChange, e * 60);
            Check($"{e}.{up}.weight", gateChange, (e * 60) + 30);
            Check($"{e}.{down}.weight", downChange, e * 30);
        }

        Assert.Equal(router.Bytes, result[$"model.layers.1.{block.Split('.')[0]}.gate.weight"].Bytes);

        void Check(string name, double[] change, int start)
        {
            name = $"model.layers.1.{block}.{name}";
            var before = tensors.Single(tensor => tensor.Item1 == name).Item2.Floats();
            AdapterFolder.AssertClose([.. before.Select((value, i) => value + change[start + i])], result[name]);
        }
    }

    // What classes with a Linear for each matrix of each expert compute, next to each other as version 5 of transformers packs them.
    [Theory]
    [InlineData("model.layers.1.mlp", "gate_proj", "up_proj", "down_proj")]
    [InlineData("model.layers.1.block_sparse_moe", "w1", "w3", "w2")]
    [InlineData("layers.1.mlp", "gate_proj", "up_proj", "down_proj")]
    public void Experts_by_themselves_on_a_model_with_stacks(string block, string gate, string up, string down)
    {
        const int experts = 4;
        const int inner = 3;
        const int hidden = 6;
        const string module = "model.layers.1.mlp.experts";
        var (gates, downs) = (RandomTensors.F32(1, experts, 2 * inner, hidden), RandomTensors.BF16(2, experts, hidden, inner));
        Model("""{"model_type": "qwen3_moe"}""",
            ($"{module}.gate_up_proj", gates), ($"{module}.down_proj", downs), ("model.layers.1.mlp.gate.weight", RandomTensors.F32(3, 4, 6)));

        // The last expert and two matrices of others were not trained.
        var parts = Enumerable.Range(0, experts - 1)
            .SelectMany(e => new[] { gate, up, down }.Select(part => (Expert: e, Part: part)))
            .Where(part => part != (1, up) && part != (2, down))
            .ToDictionary(part => part, part => AdapterFolder.Linear(
                $"{block}.experts.{part.Expert}.{part.Part}",
                10 + (part.Expert * 10) + part.Part.Length + part.Part[^1],
                part.Part == up ? 1 : 2,
                part.Part == down ? hidden : inner,
                part.Part == down ? inner : hidden));
        Adapter(
            new JsonObject { ["r"] = 2, ["lora_alpha"] = 6, ["rank_pattern"] = new JsonObject { [up] = 1 } },
            [.. parts.Values.SelectMany(factors => factors)]);
        var result = Merged();
        AdapterFolder.AssertClose(Expected(gates, [gate, up]), result[$"{module}.gate_up_proj"]);
        AdapterFolder.AssertClose(Expected(downs, [down]), result[$"{module}.down_proj"]);

        double[] Expected(RawTensor stack, string[] names) => [.. stack.Floats()
            .Chunk((int)(stack.Shape[1] * stack.Shape[2]) / names.Length)
            .SelectMany((matrix, i) => parts.TryGetValue((i / names.Length, names[i % names.Length]), out var factors)
                ? AdapterFolder.Fused(
                    new RawTensor("F32", [stack.Shape[1] / names.Length, stack.Shape[2]], [.. matrix.SelectMany(BitConverter.GetBytes)]),
                    factors[0].Tensor,
                    factors[1].Tensor,
                    factors[0].Tensor.Shape[0] == 1 ? 6 : 3)
                : Array.ConvertAll(matrix, value => (double)value))];
    }

    [Theory]
    [InlineData("gpt_oss", 0, 4, 2, "has its experts in the stack")]
    [InlineData("qwen3_moe", 3, 4, 2, "this one has no place")]
    [InlineData("qwen3_moe", 0, 4, 3, "this one has no place")]
    [InlineData("qwen3_moe", 0, 5, 2, "this one has no place")]
    public void Experts_by_themselves_that_have_no_place_in_the_stack(string family, int expert, int hidden, int inner, string message)
    {
        Model($$"""{"model_type": "{{family}}"}""", ("model.layers.0.mlp.experts.gate_up_proj", RandomTensors.F32(1, 3, 4, 4)));
        Adapter(
            new JsonObject { ["r"] = 2, ["lora_alpha"] = 2 },
            AdapterFolder.Linear($"model.layers.0.mlp.experts.{expert}.gate_proj", 5, 2, inner, hidden));
        Assert.Contains(message, Assert.Throws<DiagnosticException>(() => Merged()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""["mlp.experts.gate_up_proj"]""", "has 2 changes")]
    [InlineData("""["mlp.experts.gate_up_proj", "mlp.experts.other"]""", "has 1 of the 2")]
    [InlineData("""["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]""", "do not fit")]
    [InlineData("[]", "names no parameters")]
    public void Factors_of_parameters_that_are_not_there(string targets, string message)
    {
        const string module = "model.layers.0.mlp.experts";
        Model("{}", ($"{module}.gate_up_proj", RandomTensors.F32(1, 3, 6, 5)), ($"{module}.down_proj", RandomTensors.F32(2, 3, 5, 4)));
        var (outer, within) = (Factors(10, 6, 5, 5), Factors(20, 6, 6, 5));
        Adapter(
            new JsonObject { ["r"] = 2, ["lora_alpha"] = 2, ["target_parameters"] = JsonNode.Parse(targets) },
            ($"{module}.lora_A.weight", outer.A), ($"{module}.lora_B.weight", outer.B),
            ($"{module}.base_layer.lora_A.weight", within.A), ($"{module}.base_layer.lora_B.weight", within.B));
        Assert.Contains(message, Assert.Throws<DiagnosticException>(() => Merged()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Convolutions_biases_of_the_change_and_attention_in_one_matrix()
    {
        var (window, wide, bias, attention) =
            (RandomTensors.F32(1, 4, 3, 5), RandomTensors.F32(2, 4, 3, 2, 2), RandomTensors.F32(3, 4), RandomTensors.F32(4, 12, 4));
        Model("{}", ("encoder.conv1.weight", window), ("encoder.conv1.bias", bias), ("encoder.conv2.weight", wide),
            ("encoder.layers.0.attn.in_proj_weight", attention));
        var (a1, b1, a2, b2) = (RandomTensors.F32(5, 2, 3, 5), RandomTensors.F32(6, 4, 2, 1), RandomTensors.F32(7, 2, 3, 2, 2),
            RandomTensors.F32(8, 4, 2, 1, 1));
        var (added, joint) = (RandomTensors.F32(9, 4), Factors(30, 2, 12, 4));
        Adapter(
            new JsonObject { ["r"] = 2, ["lora_alpha"] = 4, ["lora_bias"] = true },
            ("encoder.conv1.lora_A.weight", a1), ("encoder.conv1.lora_B.weight", b1), ("encoder.conv1.lora_B.bias", added),
            ("encoder.conv2.lora_A.weight", a2), ("encoder.conv2.lora_B.weight", b2),
            ("encoder.layers.0.attn.lora_A.weight", joint.A), ("encoder.layers.0.attn.lora_B.weight", joint.B));
        var result = Merged();
        AdapterFolder.AssertClose(
            AdapterFolder.Fused(window, a1 with { Shape = [2, 15] }, b1 with { Shape = [4, 2] }, 2), result["encoder.conv1.weight"]);
        AdapterFolder.AssertClose(
            AdapterFolder.Fused(wide, a2 with { Shape = [2, 12] }, b2 with { Shape = [4, 2] }, 2), result["encoder.conv2.weight"]);
        AdapterFolder.AssertClose(
            [.. bias.Floats().Zip(added.Floats(), (own, change) => own + (2.0 * change))], result["encoder.conv1.bias"]);
        AdapterFolder.AssertClose(AdapterFolder.Fused(attention, joint.A, joint.B, 2), result["encoder.layers.0.attn.in_proj_weight"]);
    }

    [Fact]
    public void Tied_tables_that_were_trained_as_one_stay_tied()
    {
        var (table, a, b) = (RandomTensors.F32(1, 7, 4), RandomTensors.F32(2, 2, 7), RandomTensors.F32(3, 4, 2));
        Model("""{"tie_word_embeddings": true}""", ("model.embed_tokens.weight", table));
        Adapter(
            new JsonObject { ["r"] = 2, ["lora_alpha"] = 2, ["ensure_weight_tying"] = true },
            ("model.embed_tokens.lora_embedding_A", a), ("model.embed_tokens.lora_embedding_B", b),
            ("lm_head.lora_A.weight", RandomTensors.F32(4, 2, 4)), ("lm_head.lora_B.weight", RandomTensors.F32(5, 7, 2)));
        var result = Merged();
        Assert.Equal(["model.embed_tokens.weight"], result.Keys);
        AdapterFolder.AssertClose(AdapterFolder.Fused(table, a, b, 1, transposed: true), result["model.embed_tokens.weight"]);
        Assert.True((bool)Config()["tie_word_embeddings"]!);
    }

    // What a module computes while it is trained: the table that both share, and the module's own factors on top.
    [Theory]
    [InlineData(true, false, "the head alone", null)]
    [InlineData(false, true, "the embeddings alone", null)]
    [InlineData(true, true, "each for itself", null)]
    [InlineData(false, true, "the embeddings alone", "0.18.1")]
    public void Factors_of_one_side_of_tied_tables_change_that_side_only(bool onHead, bool onEmbeddings, string told, string? tying)
    {
        var table = RandomTensors.F32(1, 7, 4);
        var (head, embedding) = (Factors(10, 2, 7, 4), (A: RandomTensors.F32(20, 2, 7), B: RandomTensors.F32(21, 4, 2)));
        Model("""{"tie_word_embeddings": true}""", ("model.embed_tokens.weight", table));
        var parts = new List<(string, RawTensor)>();
        if (onHead)
            parts.AddRange([("lm_head.lora_A.weight", head.A), ("lm_head.lora_B.weight", head.B)]);
        if (onEmbeddings)
            parts.AddRange(
                [("model.embed_tokens.lora_embedding_A", embedding.A), ("model.embed_tokens.lora_embedding_B", embedding.B)]);
        var config = new JsonObject { ["r"] = 2, ["lora_alpha"] = 6 };
        if (tying is not null)
            (config["ensure_weight_tying"], config["peft_version"]) = (true, tying);
        Adapter(config, [.. parts]);
        foreach (var mode in new[] { "none", "mergekit" })
        {
            _space.Merge(mode, ("Method", "passthrough"), ("Compatibility", mode));
            _space.Source("models/base", ("Adapter", "adapter"), ("Into", mode));
            var warning = Assert.Single(_space.Run(mode).Plan.Warnings, warning => warning.Code == DiagnosticCode.UntiedByAdapter);
            Assert.Contains(told, warning.Message, StringComparison.Ordinal);
            var result = _space.Result(mode);
            double[] same = [.. table.Floats().Select(value => (double)value)];
            AdapterFolder.AssertClose(onHead ? AdapterFolder.Fused(table, head.A, head.B, 3) : same, result["lm_head.weight"]);
            AdapterFolder.AssertClose(
                onEmbeddings ? AdapterFolder.Fused(table, embedding.A, embedding.B, 3, transposed: true) : same,
                result["model.embed_tokens.weight"]);
            Assert.False((bool)JsonNode.Parse(File.ReadAllText(Path.Combine(_space.Output(mode), "config.json")))!["tie_word_embeddings"]!);
        }
    }

    [Theory]
    [InlineData("GPT2LMHeadModel", true)]
    [InlineData("GPT2Model", false)]
    public void A_head_that_no_configuration_ties_is_tied_where_the_class_has_one(string type, bool hasHead)
    {
        var (table, own) = (RandomTensors.F32(1, 7, 4), RandomTensors.F32(2, 7, 4));
        Model($$"""{"architectures": ["{{type}}"], "model_type": "gpt2"}""", ("transformer.wte.weight", table));
        Adapter(new JsonObject { ["r"] = 2 }, ("transformer.wte.weight", own));
        var result = Merged();
        Assert.Equal(own.Bytes, result["transformer.wte.weight"].Bytes);
        Assert.Equal(hasHead, result.ContainsKey("lm_head.weight"));
        if (hasHead)
            Assert.Equal(table.Bytes, result["lm_head.weight"].Bytes);
        Assert.Equal(hasHead ? false : null, (bool?)Config()["tie_word_embeddings"]);
    }

    [Fact]
    public void A_new_head_of_another_task_is_called_so()
    {
        Model("{}", ("bert.encoder.layer.0.attention.q.weight", RandomTensors.F32(1, 4, 4)));
        Adapter(new JsonObject { ["r"] = 2, ["task_type"] = "SEQ_CLS" }, ("classifier.weight", RandomTensors.F32(2, 2, 4)));
        Assert.Contains(
            "a new head for the task SEQ_CLS", Assert.Throws<DiagnosticException>(() => Merged()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(7)]
    [InlineData(9)]
    public void Factors_of_embeddings_change_the_table_that_was_saved_with_them(int rows)
    {
        var (saved, a, b) = (RandomTensors.F32(5, rows, 4), RandomTensors.F32(6, 2, rows), RandomTensors.F32(7, 4, 2));
        Model("""{"tie_word_embeddings": false, "vocab_size": 7}""",
            ("model.embed_tokens.weight", RandomTensors.F32(1, 7, 4)), ("model.norm.weight", RandomTensors.F32(3, 4)));
        Adapter(new JsonObject { ["r"] = 2, ["lora_alpha"] = 4 },
            ("model.embed_tokens.base_layer.weight", saved),
            ("model.embed_tokens.lora_embedding_A", a), ("model.embed_tokens.lora_embedding_B", b));
        var result = Merged()["model.embed_tokens.weight"];
        Assert.Equal([rows, 4L], result.Shape);
        AdapterFolder.AssertClose(AdapterFolder.Fused(saved, a, b, 2, transposed: true), result);
    }

    [Theory]
    [InlineData("bert.", "")]
    [InlineData("", "bert.")]
    [InlineData("mpnet.", "")]
    [InlineData("transformer.", "")]
    [InlineData("base.model.", "model.")]
    public void One_wrapper_more_or_less(string trained, string stored)
    {
        var weight = RandomTensors.F32(1, 6, 4);
        var factors = AdapterFolder.Linear($"{trained}encoder.layer.0.attention.q", 3, 2, 6, 4);
        Model("{}", ($"{stored}encoder.layer.0.attention.q.weight", weight), ($"{stored}pooler.dense.weight", RandomTensors.F32(2, 4, 4)));
        Adapter(new JsonObject { ["r"] = 2, ["lora_alpha"] = 2 }, factors);
        AdapterFolder.AssertClose(
            AdapterFolder.Fused(weight, factors[0].Tensor, factors[1].Tensor, 1), Merged()[$"{stored}encoder.layer.0.attention.q.weight"]);
    }

    private void Model(string config, params (string Name, RawTensor Tensor)[] tensors)
    {
        _space.Model("base", tensors);
        File.WriteAllText(Path.Combine(_space.Folder, "models", "base", "config.json"), config);
    }

    private void Adapter(JsonNode config, params (string Name, RawTensor Tensor)[] tensors) =>
        AdapterFolder.Write(Path.Combine(_space.Folder, "adapter"), config, tensors);

    private Dictionary<string, RawTensor> Merged()
    {
        _space.Merge("m", ("Method", "passthrough"));
        _space.Source("models/base", ("Adapter", "adapter"));
        _space.RunAll();
        return _space.Result("m");
    }

    private JsonNode Config() => JsonNode.Parse(File.ReadAllText(Path.Combine(_space.Output("m"), "config.json")))!;

    private static (RawTensor A, RawTensor B) Factors(int seed, int rank, int outs, int ins) =>
        (RandomTensors.F32(seed, rank, ins), RandomTensors.F32(seed + 1, outs, rank));

    // einsum("o r e, e r i -> e o i") or "-> e i o", A reshaped to [experts, rank, in] and B to [out, rank, experts].
    private static double[] Stacked(RawTensor stack, (RawTensor A, RawTensor B) factors, int experts, double scale, bool isTransposed)
    {
        var (a, b) = (factors.A.Floats(), factors.B.Floats());
        var (rank, ins, outs) = ((int)factors.A.Shape[0] / experts, (int)factors.A.Shape[1], (int)factors.B.Shape[0]);
        var result = Array.ConvertAll(stack.Floats(), value => (double)value);
        for (var e = 0; e < experts; e++)
        {
            for (var o = 0; o < outs; o++)
            {
                for (var i = 0; i < ins; i++)
                {
                    var sum = 0.0;
                    for (var r = 0; r < rank; r++)
                        sum += (double)b[(((o * rank) + r) * experts) + e] * a[(((e * rank) + r) * ins) + i];
                    result[(e * outs * ins) + (isTransposed ? (i * outs) + o : (o * ins) + i)] += scale * sum;
                }
            }
        }

        return result;
    }
}
