using System.Text;
using System.Text.Json.Nodes;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Planning;
using MergeTasks.Merging.Tests.Adapters;
using MergeTasks.Merging.Tests.Language;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Inputs;

/// <summary>
/// Models whose tensors fit and which still do not mean the same: configurations, vocabularies, heads, ends of texts, layers that are none
/// of the stack.
/// </summary>
public sealed class DifferingModels : IDisposable
{
    private const string Linear =
        "merge_method: linear\nbase_model: models/a\nparameters: {weight: 1}\nmodels: [{model: models/a}, {model: models/b}]\n";

    private readonly RecipeProject _project = new();

    public void Dispose() => _project.Dispose();

    [Theory]
    [InlineData("\"rope_theta\": 10000.0", "\"rope_theta\": 500000", "rope_theta is 10000.0 in")]
    [InlineData("\"rope_theta\": 500000", "\"x\": 1", "and 10000 in")]
    [InlineData(
        "\"rope_theta\": 10000", "\"rope_parameters\": {\"rope_type\": \"default\", \"rope_theta\": 1e6}", "rope_theta is 10000 in")]
    [InlineData(
        "\"rope_scaling\": {\"type\": \"linear\", \"factor\": 2.0}",
        "\"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": 4.0}",
        "rope_scaling.factor is 2.0")]
    [InlineData("\"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 4.0}", "\"rope_scaling\": null", "rope_type is \"yarn\"")]
    [InlineData("\"hidden_act\": \"silu\"", "\"hidden_act\": \"gelu\"", "hidden_act is \"silu\"")]
    [InlineData("\"rms_norm_eps\": 1e-6", "\"layer_norm_epsilon\": 1e-5", "rms_norm_eps is 1e-6")]
    [InlineData("\"sliding_window\": 4096", "\"sliding_window\": null", "sliding_window is 4096 in")]
    [InlineData("\"final_logit_softcapping\": 30.0", "\"final_logit_softcapping\": 50.0", "final_logit_softcapping is 30.0")]
    [InlineData("\"model_type\": \"llama\"", "\"model_type\": \"mistral\"", "model_type is \"llama\"")]
    [InlineData("\"num_experts_per_tok\": 2", "\"num_experts_per_tok\": 4", "num_experts_per_tok is 2")]
    [InlineData("\"text_config\": {\"rope_theta\": 10000}", "\"rope_theta\": 20000", "rope_theta is 10000")]
    public void What_decides_the_function_is_warned_of_with_both_values_and_files(string a, string b, string message)
    {
        var warning = Assert.Single(Planned(a, b).Warnings);
        Assert.Equal(("MTK3012", true), (warning.Code, warning.IsWarning));
        Assert.Contains(message, warning.Message, StringComparison.Ordinal);
        Assert.Contains(Path.Combine("a", "config.json"), warning.Message, StringComparison.Ordinal);
        Assert.Contains(Path.Combine("b", "config.json"), warning.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"rope_theta\": 10000.0", "\"rope_parameters\": {\"rope_type\": \"default\", \"rope_theta\": 10000}")]
    [InlineData("\"rope_scaling\": null", "\"rope_scaling\": {\"rope_type\": \"default\"}")]
    [InlineData("\"rms_norm_eps\": 1e-05", "\"rms_norm_eps\": 0.00001")]
    [InlineData("\"num_attention_heads\": 2", "\"num_attention_heads\": 2, \"num_key_value_heads\": 2")]
    [InlineData("\"sliding_window\": 4096, \"use_sliding_window\": false", "\"sliding_window\": null")]
    [InlineData("\"attention_bias\": false", "\"x\": 1")]
    [InlineData("\"unknown_to_older_libraries\": 3", "\"y\": 1")]
    public void The_same_in_another_spelling_is_no_difference(string a, string b) => Assert.Empty(Planned(a, b).Warnings);

    [Fact]
    public void What_has_no_effect_on_weights_is_only_told()
    {
        var plan = Planned(
            "\"max_position_embeddings\": 2048, \"torch_dtype\": \"float32\", \"attention_dropout\": 0.1",
            "\"max_position_embeddings\": 8192, \"torch_dtype\": \"bfloat16\", \"attention_dropout\": 0.0");
        Assert.Empty(plan.Warnings);
        Assert.Contains(plan.Notes, note => note.Contains("max_position_embeddings (8192; 2048 in the output)", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(
        "\"num_attention_heads\": 4, \"num_key_value_heads\": 2",
        "\"num_attention_heads\": 8, \"num_key_value_heads\": 4",
        "lm_head.weight",
        "num_attention_heads is 4")]
    [InlineData("\"n_head\": 4", "\"num_attention_heads\": 2", "lm_head.weight", "n_head is 4")]
    [InlineData(
        "\"id2label\": {\"0\": \"neg\", \"1\": \"pos\"}",
        "\"id2label\": {\"0\": \"pos\", \"1\": \"neg\"}",
        "classifier.weight",
        "id2label is neg, pos")]
    public void Equal_shapes_that_hold_other_things_are_refused(string a, string b, string head, string message)
    {
        var refusal = Assert.Single(Assert.Throws<DiagnosticException>(() => Planned(a, b, head)).Diagnostics);
        Assert.Equal("MTK3013", refusal.Code);
        Assert.Contains(message, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Differences_that_are_meant_are_accepted_by_name()
    {
        Models("\"n_head\": 4, \"hidden_act\": \"silu\"", "\"n_head\": 2, \"hidden_act\": \"gelu\"");
        Assert.Equal("MTK3012", Assert.Single(_project.Plan(Linear + "accept_config_differences: [n_head, num_*]\n").Warnings).Code);
        Assert.Empty(_project.Plan(Linear, metadata: [("AcceptConfigDifferences", "n_head;num_*;hidden_act")]).Warnings);
    }

    [Fact]
    public void Labels_of_heads_that_are_kept_and_labels_that_were_made_up_are_no_matter()
    {
        const string other = "\"id2label\": {\"0\": \"pos\", \"1\": \"neg\"}";
        Models("\"id2label\": {\"0\": \"neg\", \"1\": \"pos\"}", other, "classifier.weight");
        Assert.Empty(_project.Plan(Linear + "keep_tensors: classifier.weight\n").Warnings);
        Assert.Empty(Planned("\"id2label\": {\"0\": \"LABEL_0\", \"1\": \"LABEL_1\"}", other, "classifier.weight").Warnings);
        Assert.Empty(Planned("\"id2label\": {\"0\": \"neg\", \"1\": \"pos\"}", other).Warnings);
    }

    [Theory]
    [InlineData("vocab.txt", "[PAD]\n[UNK]\nthe\nof\n", "[PAD]\n[UNK]\nof\nthe\n", "'the' is 2 in 'models/a' and 3 in 'models/b'")]
    [InlineData("vocab.json", """{"a": 0, "b": 1}""", """{"a": 0, "c": 1}""", "'b' (1) only in 'models/a'")]
    [InlineData("x.tiktoken", "QQ== 0\nQg== 1\n", "Qg== 0\nQQ== 1\n", "'A' is 0 in 'models/a' and 1")]
    [InlineData(
        "tekken.json",
        """{"config": {"default_num_special_tokens": 3}, "vocab": [{"rank": 0, "token_bytes": "QQ=="}]}""",
        """{"config": {"default_num_special_tokens": 3}, "vocab": [{"rank": 0, "token_bytes": "Qg=="}]}""",
        "'A' (3) only in 'models/a'")]
    [InlineData("tokenizer.model", "what is this", "what is that", "their 'tokenizer.model' is not the same file")]
    public void Vocabularies_without_tokenizer_json(string file, string a, string b, string message)
    {
        Models("\"x\": 1", "\"x\": 1");
        Write("a", file, a);
        Write("b", file, a);
        Assert.Empty(_project.Plan(Linear).Warnings);
        Write("b", file, b);
        var warning = Assert.Single(_project.Plan(Linear).Warnings);
        Assert.Equal(("MTK3030", true), (warning.Code, warning.IsWarning));
        Assert.Contains(message, warning.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Vocabularies_in_different_files()
    {
        string[] pieces = ["<unk>", "<s>", "</s>", .. Enumerable.Range(0, 60).Select(i => $"▁w{i}")];
        Models("\"x\": 1", "\"x\": 1", "lm_head.weight", 64);
        Write("a", "tokenizer.json", TinyTokenizer.Pairs([.. pieces], [], ("<added>", 63)));
        Write("b", "tokenizer.model", SentencePiece(pieces));
        Assert.Empty(_project.Plan(Linear).Warnings);
        Write("b", "tokenizer.model", SentencePiece([.. pieces.Take(3), .. pieces.Skip(3).Reverse()]));
        Assert.Contains("tokens have other ids", Assert.Single(_project.Plan(Linear).Warnings).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_head_that_was_trained_apart_is_written_although_the_configuration_ties_it()
    {
        var a = _project.Decoder("a", 1, 1, "\"tie_word_embeddings\": true", head: "");
        var b = _project.Decoder("b", 2, 1, "\"tie_word_embeddings\": true");
        var result = _project.Build(Linear);
        Assert.Equal(
            a["model.embed_tokens.weight"].Floats().Zip(b["lm_head.weight"].Floats(), (x, y) => (x + y) / 2),
            result["lm_head.weight"].Floats());
        Assert.False((bool)_project.Config()["tie_word_embeddings"]!);
        Assert.Contains(
            _project.Space.State("recipe").Plan.Notes,
            note => note.Contains("head of 'models/b' is another table", StringComparison.Ordinal));

        // The donor's own, too.
        var own = _project.Decoder("a", 3, 1, "\"tie_word_embeddings\": true");
        result = _project.Build("merge_method: passthrough\nmodels: [{model: models/a}]\n");
        Assert.Equal(own["lm_head.weight"].Bytes, result["lm_head.weight"].Bytes);
        Assert.False((bool)_project.Config()["tie_word_embeddings"]!);
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void An_adapter_that_replaces_one_of_two_tied_tables_gives_the_model_a_head_of_its_own(bool embeddings, bool head)
    {
        var a = _project.Decoder("a", 1, 1, "\"tie_word_embeddings\": true", head: "");
        var (table, other) = (RandomTensors.F32(8, 6, 4), RandomTensors.F32(9, 6, 4));
        AdapterFolder.Write(Path.Combine(_project.Space.Folder, "adapter"), new { r = 2, lora_alpha = 2 },
            [.. embeddings ? new[] { ("model.embed_tokens.weight", table) } : [], .. head ? new[] { ("lm_head.weight", other) } : []]);
        var result = _project.Build(
            "merge_method: linear\nbase_model: models/a\nmodels: [{model: models/a+adapter, parameters: {weight: 1}}]\n");
        Assert.Equal((embeddings ? table : a["model.embed_tokens.weight"]).Bytes, result["model.embed_tokens.weight"].Bytes);
        Assert.Equal((head ? other : a["model.embed_tokens.weight"]).Bytes, result["lm_head.weight"].Bytes);
        Assert.False((bool)_project.Config()["tie_word_embeddings"]!);
    }

    [Fact]
    public void Two_equal_tables_of_an_adapter_stay_tied()
    {
        _project.Decoder("a", 1, 1, "\"tie_word_embeddings\": true", head: "");
        var table = RandomTensors.F32(8, 6, 4);
        AdapterFolder.Write(
            Path.Combine(_project.Space.Folder, "adapter"),
            new { r = 2, lora_alpha = 2 },
            ("model.embed_tokens.weight", table),
            ("lm_head.weight", table));
        var result = _project.Build("merge_method: passthrough\nmodels: [{model: models/a+adapter}]\n");
        Assert.Equal(table.Bytes, result["model.embed_tokens.weight"].Bytes);
        Assert.False(result.ContainsKey("lm_head.weight"));
        Assert.True((bool)_project.Config()["tie_word_embeddings"]!);
    }

    [Theory]
    [InlineData("merge_method: passthrough\nmodels: [{model: models/a+adapter}]\n")]
    [InlineData("merge_method: linear\nmodels: [{model: models/a+adapter, parameters: {weight: 1}}]\n")]
    [InlineData("merge_method: linear\nbase_model: models/a\nmodels: [{model: models/a+adapter, parameters: {weight: 1}}]\n")]
    public void Longer_tables_of_an_adapter_make_the_vocabulary_larger(string recipe)
    {
        _project.Decoder("a", 1, 1, "\"tie_word_embeddings\": false, \"vocab_size\": 6");
        var (table, head) = (RandomTensors.F32(8, 8, 4), RandomTensors.F32(9, 8, 4));
        AdapterFolder.Write(
            Path.Combine(_project.Space.Folder, "adapter"),
            new { r = 2, lora_alpha = 2 },
            ("model.embed_tokens.weight", table),
            ("lm_head.weight", head));
        var result = _project.Build(recipe);
        Assert.Equal(table.Bytes, result["model.embed_tokens.weight"].Bytes);
        Assert.Equal(head.Bytes, result["lm_head.weight"].Bytes);
        Assert.Equal(8, (int)_project.Config()["vocab_size"]!);
    }

    [Fact]
    public void Layers_that_predict_further_tokens_follow_the_new_stack()
    {
        var a = _project.Decoder("a", 1, 5);
        File.WriteAllText(
            Path.Combine(_project.Space.Folder, "models", "a", "config.json"),
            """{"num_hidden_layers": 4, "num_nextn_predict_layers": 1}""");
        var result = _project.Build(
            "merge_method: passthrough\nslices:\n- sources: [{model: models/a, layer_range: [0, 3]}]\n- sources: [{model: models/a, "
                + "layer_range: [1, 4]}]\n");
        const string down = "mlp.down_proj.weight";
        Assert.Equal(
            [0, 1, 2, 1, 2, 3, 4],
            Enumerable.Range(0, 7)
                .Select(layer =>
                    Enumerable.Range(0, 5)
                        .Single(own => a[$"model.layers.{own}.{down}"].Bytes.SequenceEqual(result[$"model.layers.{layer}.{down}"].Bytes))));
        Assert.Equal((6, 1), ((int)_project.Config()["num_hidden_layers"]!, (int)_project.Config()["num_nextn_predict_layers"]!));
        var refusal = Assert.Throws<DiagnosticException>(() =>
            _project.Plan("merge_method: passthrough\nslices:\n- sources: [{model: models/a, layer_range: [1, 5]}]\n"));
        Assert.Contains("predicts further tokens", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("union")]
    [InlineData("models/b")]
    public void Files_that_disagree_about_where_texts_end(string source)
    {
        Models("\"eos_token_id\": 2", "\"eos_token_id\": 5", "lm_head.weight", 6);
        string[] words = ["<unk>", "<s>", "</s>", "x", "y"];
        Write("a", "tokenizer.json", TinyTokenizer.Words(words, ("</s>", 2)));
        Write("b", "tokenizer.json", TinyTokenizer.Words(words, ("</s>", 2), ("<|im_end|>", 5)));
        Write("a", "tokenizer_config.json", """{"eos_token": "</s>"}""");
        Write(
            "b",
            "tokenizer_config.json",
            """{"eos_token": {"content": "<|im_end|>"}, "chat_template": "{{ messages[0].content }}<|im_end|>"}""");
        Write("b", "generation_config.json", """{"eos_token_id": [5, 2]}""");
        var warning = Assert.Single(
            _project.Plan(Linear + $"tokenizer_source: {source}\nchat_template: auto\n").Warnings, warning => warning.Code == "MTK3032");
        Assert.Contains("<|im_end|>' (5)", warning.Message, StringComparison.Ordinal);

        // With the chat model's files all agree.
        Assert.Empty(
            _project.Plan(
                (Linear + $"tokenizer_source: union\nchat_template: auto\n").Replace(
                    "base_model: models/a", "base_model: models/b", StringComparison.Ordinal)).Warnings);
    }

    private MergePlan Planned(string a, string b, string head = "lm_head.weight")
    {
        Models(a, b, head);
        return _project.Plan(Linear);
    }

    private void Models(string a, string b, string head = "lm_head.weight", int rows = 6)
    {
        foreach (var (name, seed, config) in new[] { ("a", 1, a), ("b", 2, b) })
        {
            _project.Write(name, $$"""{"num_hidden_layers": 1, {{config}}}""",
                ("model.embed_tokens.weight",
                    RandomTensors.F32(seed, rows, 4)), ("model.layers.0.self_attn.q_proj.weight",
                        RandomTensors.F32(seed + 10, 6, 4)), (head, RandomTensors.F32(seed + 20, rows, 4)));
        }
    }

    private void Write(string model, string file, string text) =>
        File.WriteAllText(Path.Combine(_project.Space.Folder, "models", model, file), text);

    private void Write(string model, string file, byte[] bytes) =>
        File.WriteAllBytes(Path.Combine(_project.Space.Folder, "models", model, file), bytes);

    // A model of pieces with scores, as sentencepiece's protocol buffers have it.
    private static byte[] SentencePiece(string[] pieces) => [.. pieces.SelectMany((piece, i) =>
    {
        byte[] text = Encoding.UTF8.GetBytes(piece);
        byte[] message = [0x0A, (byte)text.Length, .. text, 0x15, .. BitConverter.GetBytes(-1f * i), 0x18, (byte)(i < 3 ? 3 : 1)];
        return (byte[])[0x0A, (byte)message.Length, .. message];
    }), 0x12, 2, 8, 0];
}
