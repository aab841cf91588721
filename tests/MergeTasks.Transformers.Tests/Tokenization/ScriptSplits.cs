using System.Text.Json;
using System.Text.Json.Nodes;
using MergeTasks.Transformers.Tokenization;

namespace MergeTasks.Transformers.Tests.Tokenization;

/// <summary>The pre-tokenizer UnicodeScripts gives the pieces that the reference gives (Tokenizers.DotNet 1.4.1).</summary>
public sealed class ScriptSplits
{
    [Theory]
    [InlineData("ab cd", "ab cd")]
    [InlineData("a1 b2", "a", "1 ", "b", "2")]
    [InlineData(" a", "a")]
    [InlineData("  ab", "ab")]
    [InlineData("a  ", "a  ")]
    [InlineData("\u3042\u30a2\u6f22a", "\u3042\u30a2\u6f22", "a")]
    [InlineData("\u30fca", "\u30fc", "a")]
    [InlineData("a\u30fc \u30fc", "a", "\u30fc \u30fc")]
    [InlineData("\u0430 b\u03b1", "\u0430 ", "b", "\u03b1")]
    [InlineData("a. b!", "a", ". ", "b", "!")]
    [InlineData("")]
    [InlineData("  ")]
    [InlineData("a\u0301b", "a", "\u0301", "b")]
    [InlineData("\u6f22 a", "\u6f22 ", "a")]
    [InlineData("a\u0301 \u6f22", "a", "\u0301 ", "\u6f22")]
    [InlineData("Hi \u4e16\u754c\u3002", "Hi ", "\u4e16\u754c", "\u3002")]
    [InlineData("123abc", "123", "abc")]
    [InlineData("\ud55c\uad6d\uc5b4abc", "\ud55c\uad6d\uc5b4", "abc")]
    [InlineData("\u0e44\u0e17\u0e22a", "\u0e44\u0e17\u0e22", "a")]
    [InlineData("\u00e9t\u00e9 1", "\u00e9t\u00e9 ", "1")]
    [InlineData("a\u2060b", "a", "\u2060", "b")]
    [InlineData("\u0301a", "\u0301", "a")]
    [InlineData("x\u8b55y", "x", "\u8b55", "y")]
    [InlineData("\u10d0a\u1c90a", "\u10d0", "a\u1c90a")]
    [InlineData("\U0001f600a", "\U0001f600", "a")]
    [InlineData("a_b", "a", "_", "b")]
    [InlineData("\U0001d400a", "\U0001d400", "a")]
    [InlineData("\u06271\u0628", "\u0627", "1", "\u0628")]
    [InlineData("\u061ca", "\u061c", "a")]
    [InlineData("\u0589a", "\u0589", "a")]
    public void Are_the_references(string text, params string[] pieces)
    {
        // Whatever part of the text is a piece has an id.
        var vocabulary = new JsonObject { ["[UNK]"] = 0 };
        for (var start = 0; start < text.Length; start++)
        {
            for (var end = start + 1; end <= text.Length; end++)
            {
                if (!char.IsLowSurrogate(text[start]) && (end == text.Length || !char.IsLowSurrogate(text[end])))
                    vocabulary.TryAdd(text[start..end], vocabulary.Count);
            }
        }

        var tokenizer = Tokenizer.Parse(
            JsonSerializer.SerializeToUtf8Bytes(new JsonObject
            {
                ["version"] = "1.0",
                ["added_tokens"] = new JsonArray(),
                ["pre_tokenizer"] = new JsonObject { ["type"] = "UnicodeScripts" },
                ["model"] = new JsonObject { ["type"] = "WordLevel", ["vocab"] = vocabulary, ["unk_token"] = "[UNK]" },
            }),
            "tokenizer.json");
        Assert.Equal(pieces, tokenizer.Encode(text, addSpecialTokens: false).Select(tokenizer.IdToToken));
    }
}
