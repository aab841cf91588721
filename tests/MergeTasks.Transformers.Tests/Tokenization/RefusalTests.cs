using System.Text.Json.Nodes;
using MergeTasks.Transformers.Tokenization;
using MergeTasks.Transformers.Tokenization.Text;

namespace MergeTasks.Transformers.Tests.Tokenization;

/// <summary>Nothing in a file is skipped: what this library does not reproduce is an error that names it.</summary>
public sealed class RefusalTests
{
    [Theory]
    [InlineData("normalizer", """{"type":"Precompiled","precompiled_charsmap":""}""", "normalizer needs a table of replacements")]
    [InlineData("normalizer", """{"type":"Precompiled","precompiled_charsmap":"EAAAAAAA"}""", "normalizer needs a table of replacements")]
    [InlineData("normalizer", """{"type":"Precompiled","precompiled_charsmap":"?"}""", "normalizer needs a table of replacements")]
    [InlineData("normalizer", """{"type":"NFC","extra":1}""", "normalizer has the field 'extra'")]
    [InlineData(
        "normalizer",
        """{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Foo"}]}""",
        "normalizer.normalizers[1] is the normalizer 'Foo'")]
    [InlineData("normalizer", """{"type":"Strip","strip_left":true}""", "lacks the field 'strip_right'")]
    [InlineData("normalizer", """{"type":"Replace","pattern":{"Regex":"(a"},"content":""}""", "a group without its ')'")]
    [InlineData("pre_tokenizer", """{"type":"Sideways"}""", "pre-tokenizer 'Sideways'")]
    [InlineData(
        "pre_tokenizer", """{"type":"Split","pattern":{"Regex":"(a)\\1"},"behavior":"Isolated","invert":false}""", @"the escape '\1'")]
    [InlineData(
        "pre_tokenizer", """{"type":"Split","pattern":{"Regex":"\\p{Klingon}"},"behavior":"Isolated","invert":false}""", @"'\p{Klingon}'")]
    [InlineData("pre_tokenizer", """{"type":"Split","pattern":{"Regex":"(?i)ss"},"behavior":"Isolated","invert":false}""", "under (?i)")]
    [InlineData(
        "pre_tokenizer", """{"type":"Split","pattern":{"String":"a"},"behavior":"Sideways","invert":false}""", "behavior 'Sideways'")]
    [InlineData("pre_tokenizer", """{"type":"Metaspace","replacement":"ab"}""", "exactly one character")]
    [InlineData(
        "pre_tokenizer",
        """{"type":"Metaspace","replacement":"_","prepend_scheme":"always","add_prefix_space":false}""",
        "contradicts itself")]
    [InlineData("post_processor", """{"type":"Other"}""", "post-processor 'Other'")]
    [InlineData(
        "post_processor",
        """{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}}],"pair":[],"special_tokens":{}}""",
        "the token '<s>'")]
    [InlineData(
        "post_processor",
        """{"type":"TemplateProcessing","single":[{"Sequence":{"id":"B","type_id":0}}],"pair":[],"special_tokens":{}}""",
        "only 'A' is there")]
    [InlineData("decoder", """{"type":"Other"}""", "decoder 'Other'")]
    [InlineData("truncation", """{"direction":"Right","max_length":8,"strategy":"OnlySecond","stride":0}""", "strategy 'OnlySecond'")]
    [InlineData(
        "padding",
        """{"strategy":"Longest","direction":"Right","pad_to_multiple_of":null,"pad_id":0,"pad_type_id":0,"pad_token":"?"}""",
        "unknown strategy")]
    [InlineData("model", """{"type":"Lattice"}""", "model 'Lattice'")]
    [InlineData("model", """{"type":"BPE","dropout":0.1,"vocab":{},"merges":[]}""", "dropout")]
    [InlineData("model", """{"type":"BPE","vocab":{"a":0},"merges":["a b"]}""", "'b', which is not in 'vocab'")]
    [InlineData("model", """{"type":"BPE","vocab":{"a":0},"merges":["a b c"]}""", "'a b c'")]
    [InlineData("model", """{"type":"WordLevel","vocab":{"a":0,"b":0},"unk_token":"a"}""", "share the id 0")]
    [InlineData("model", """{"type":"Unigram","vocab":[["a",-1.0]],"unk_id":4}""", "unk_id 4")]
    [InlineData("version", "\"2.0\"", "version '2.0'")]
    [InlineData("surprise", "true", "field 'surprise'")]
    [InlineData(
        "added_tokens",
        """[{"id":7,"content":"a","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}]""",
        "the id 7")]
    public void What_cannot_be_reproduced_is_named(string field, string json, string expected)
    {
        var error = Assert.Throws<TokenizerException>(() => TestData.With(field, json));
        Assert.StartsWith("tokenizer.json: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"\\ud800\":0},\"unk_token\":\"a\"}}")]
    public void Malformed_files_are_errors(string json) =>
        Assert.Throws<TokenizerException>(() => Tokenizer.Parse(System.Text.Encoding.UTF8.GetBytes(json), "broken.json"));

    [Fact]
    public void Two_processors_that_add_tokens_are_refused()
    {
        var bert = JsonNode.Parse("""{"type":"BertProcessing","sep":["b",1],"cls":["a",0]}""")!;
        var chain = new JsonObject { ["type"] = "Sequence", ["processors"] = new JsonArray(bert.DeepClone(), bert.DeepClone()) };
        Assert.Contains(
            "chains several",
            Assert.Throws<TokenizerException>(() => TestData.With("post_processor", chain.ToJsonString())).Message,
            StringComparison.Ordinal);
    }
}
