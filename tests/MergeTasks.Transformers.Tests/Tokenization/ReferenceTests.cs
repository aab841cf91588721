using System.Globalization;
using System.Text.Json;
using MergeTasks.Transformers.Tokenization;

namespace MergeTasks.Transformers.Tests.Tokenization;

/// <summary>Compares ids and decoded texts with those of the reference implementation (see docs/tokenizers.md).</summary>
public sealed class ReferenceTests
{
    public static TheoryData<string> Tokenizers => [.. TestData.Names];

    [Fact]
    public void There_are_cases_for_every_family_of_tokenizer() => Assert.True(TestData.Names.Count() >= 16);

    [Theory]
    [MemberData(nameof(Tokenizers))]
    public void Ids_and_decoded_text_equal_the_reference(string name)
    {
        var tokenizer = TestData.Load(name);
        var cases = 0;
        foreach (var line in File.ReadLines(TestData.PathOf(name + ".jsonl")))
        {
            using var document = JsonDocument.Parse(line);
            var root = document.RootElement;
            var isDecoding = root.TryGetProperty("decode", out var drawn);
            var ids = Ids(isDecoding ? drawn : root.GetProperty("ids"));
            if (!isDecoding) Assert.Equal(ids, tokenizer.Encode(Text(root), root.GetProperty("special").GetBoolean()));
            Assert.Equal(root.GetProperty("back").GetString(), tokenizer.Decode(ids, skipSpecialTokens: false));
            Assert.Equal(root.GetProperty("skip").GetString(), tokenizer.Decode(ids, skipSpecialTokens: true));
            cases++;
        }

        Assert.True(cases > 200);
    }

    [Fact]
    public void Many_threads_may_encode_at_once()
    {
        var tokenizer = TestData.Load("llama3");
        var texts = Enumerable.Range(0, 500).Select(i => $"the model {i % 7} merges {i} tensors, naïve café {i * i}").ToArray();
        var alone = TestData.Load("llama3");
        var expected = texts.Select(t => alone.Encode(t, addSpecialTokens: true)).ToArray();
        var actual = new int[texts.Length][];
        Parallel.For(0, texts.Length, i => actual[i] = tokenizer.Encode(texts[i], addSpecialTokens: true));
        Assert.Equal(expected, actual);
    }

    private static int[] Ids(JsonElement list) => [.. list.EnumerateArray().Select(e => e.GetInt32())];

    private static string Text(JsonElement root) =>
        root.TryGetProperty("utf16", out var units)
            ? string.Concat(
                units.GetString()!.Split(' ').Select(u => (char)ushort.Parse(u, NumberStyles.HexNumber, CultureInfo.InvariantCulture)))
            : root.GetProperty("text").GetString()!;
}
