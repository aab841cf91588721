using System.Text;
using System.Text.Json.Nodes;
using MergeTasks.Transformers.Tokenization;
using MergeTasks.Transformers.Tokenization.AddedTokens;
using MergeTasks.Transformers.Tokenization.Text;

namespace MergeTasks.Transformers.Tests.Tokenization;

public sealed class TokenizerTests
{
    [Fact]
    public void A_lone_surrogate_counts_as_the_replacement_character()
    {
        // No theory: attribute arguments are stored in UTF-8, which has no lone surrogates.
        (string Text, string Cleaned)[] cases =
        [
            ("\uD800", "\uFFFD"), ("a\uDC00b", "a\uFFFDb"), ("\uDC00\uD800", "\uFFFD\uFFFD"),
            ("\uD83D\uD83D\uDE00", "\uFFFD\uD83D\uDE00"), ("\uD83D\uDE00\uDE00", "\uD83D\uDE00\uFFFD"),
        ];
        var tokenizer = TestData.Load("gpt2");
        foreach (var (text, cleaned) in cases)
        {
            var ids = tokenizer.Encode(text, addSpecialTokens: false);
            Assert.Equal(tokenizer.Encode(cleaned, addSpecialTokens: false), ids);
            Assert.Equal(cleaned, tokenizer.Decode(ids, skipSpecialTokens: false));
        }
    }

    [Fact]
    public void Canonical_composition_works_under_invariant_globalization()
    {
        Assert.Equal("e\u0301", "e\u0301".Normalize(NormalizationForm.FormC)); // the runtime's own form does nothing here
        var tokenizer = TestData.Load("qwen3");
        Assert.Equal(tokenizer.Encode("caf\u00E9", false), tokenizer.Encode("cafe\u0301", false));
    }

    [Fact]
    public void Letters_and_digits_beyond_the_basic_plane_are_letters_and_digits()
    {
        var tokenizer = TestData.With(
            "pre_tokenizer", """{"type":"Split","pattern":{"Regex":"\\p{L}+|\\p{N}{1,3}"},"behavior":"Removed","invert":true}""");

        // Four mathematical digits are split three to one; Deseret letters make one word.
        Assert.Equal([2, 2], tokenizer.Encode("\U0001D7D8\U0001D7D9\U0001D7DA\U0001D7DB", false));
        Assert.Equal([2], tokenizer.Encode("\U00010400\U00010428\U00010401", false));
    }

    [Fact]
    public void What_is_left_of_a_processor_that_a_template_replaced_means_nothing()
    {
        const string template = """
            "type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],
            "pair":[],"special_tokens":{"<s>":{"id":"<s>","ids":[7],"tokens":["<s>"]}}
            """;
        foreach (var left in new[] { "", "\"add_prefix_space\":true,\"trim_offsets\":false,\"use_regex\":true," })
            Assert.Equal(7, TestData.With("post_processor", $"{{{left}{template}}}").Encode("a", addSpecialTokens: true)[0]);
    }

    [Fact]
    public void Tokens_and_ids_are_looked_up_in_both_vocabularies()
    {
        var tokenizer = TestData.Load("llama3");
        var special = Assert.Single(tokenizer.AddedTokens, t => t.Content == "<|begin_of_text|>");
        Assert.True(special.IsSpecial);
        Assert.Equal(special.Id, tokenizer.TokenToId("<|begin_of_text|>"));
        Assert.Equal("<|begin_of_text|>", tokenizer.IdToToken(special.Id));
        Assert.Equal(tokenizer.TokenToId("a"), tokenizer.Encode("a", false).Single());
        Assert.Null(tokenizer.TokenToId("no such token"));
        Assert.Null(tokenizer.IdToToken(1_000_000));
        Assert.Equal(special.Id + 3, tokenizer.VocabularySize);
    }

    [Fact]
    public void The_files_length_rules_apply_unless_the_caller_declines()
    {
        var tokenizer = TestData.Load("bert-cased");
        Assert.Equal(24, tokenizer.Truncation!.MaxLength);
        Assert.Equal(16, tokenizer.Padding!.Length);
        Assert.Equal(16, tokenizer.Encode("the model", addSpecialTokens: true).Length);
        Assert.Equal(4, tokenizer.Encode("the model", addSpecialTokens: true, applyLengthRules: false).Length);
        var text = string.Concat(Enumerable.Repeat("the model ", 50));
        Assert.Equal(24, tokenizer.Encode(text, addSpecialTokens: true).Length);
        Assert.Equal(102, tokenizer.Encode(text, addSpecialTokens: true, applyLengthRules: false).Length);
    }

    [Fact]
    public void A_stream_reads_as_the_file_does()
    {
        using var stream = File.OpenRead(TestData.PathOf("llama2.json"));
        var tokenizer = Tokenizer.Load(stream);
        Assert.Equal(TestData.Load("llama2").Encode("the merge of 10 models", true), tokenizer.Encode("the merge of 10 models", true));
    }

    [Fact]
    public void A_model_without_a_type_is_told_by_its_fields()
    {
        var file = TestData.Minimal();
        file["model"]!.AsObject().Remove("type");
        Assert.Equal([0], TestData.Parse(file).Encode("a", false));
    }

    [Fact]
    public void A_long_text_without_any_split_merges_in_reasonable_time()
    {
        // One word of 400,000 characters: quadratic merging would take minutes.
        var tokenizer = TestData.Load("llama2");
        var text = string.Concat(Enumerable.Repeat("the model and the merge ", 16_000));
        var ids = tokenizer.Encode(text, addSpecialTokens: false);
        Assert.Equal(text, tokenizer.Decode(ids, skipSpecialTokens: false));
    }

    [Fact]
    public void An_unknown_word_without_an_unknown_token_is_an_error()
    {
        var file = TestData.Minimal();
        file["model"]!["unk_token"] = "missing";
        var tokenizer = TestData.Parse(file);
        Assert.Equal([0], tokenizer.Encode("a", false));
        var error = Assert.Throws<TokenizerException>(() => tokenizer.Encode("z", false));
        Assert.Contains("'missing'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Unknown_ids_are_left_out_of_the_text() =>
        Assert.Equal(
            "a b", TestData.Parse(JsonNode.Parse(TestData.Minimal().ToJsonString())!).Decode([0, 99, 1], skipSpecialTokens: false));
}
