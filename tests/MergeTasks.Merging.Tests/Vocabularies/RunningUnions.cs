using MergeTasks.Merging.Tests.Importance;
using MergeTasks.TestSupport;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Processor;
using MergeTasks.Transformers.Tokenization;

namespace MergeTasks.Merging.Tests.Vocabularies;

/// <summary>A merge with a union vocabulary is a model that the engine runs, and says of old text what its model says.</summary>
public sealed class RunningUnions
{
    [Fact]
    public void A_model_with_rearranged_rows_computes_the_same()
    {
        using var project = new ScoredProject();
        var vocabulary = project.Vocabulary;

        // Model a with its vocabulary turned round and one more token: the same model in other words.
        var tensors = TestCheckpoint.ReadFile(project.Model("a"));
        foreach (var name in tensors.Where(tensor =>
            tensor.Value.Shape is [var rows, _]
                && rows == vocabulary
                && (tensor.Key.Contains("embed", StringComparison.Ordinal) || tensor.Key.Contains("lm_head", StringComparison.Ordinal)))
                    .Select(tensor => tensor.Key)
                    .ToList())
        {
            var width = (int)tensors[name].Shape[1];
            var values = tensors[name].Floats();
            tensors[name] = RawTensor.F32([vocabulary + 1, width],
                [
                    .. Enumerable.Range(0, vocabulary).Reverse().SelectMany(row => values[(row * width)..((row + 1) * width)]),
                    .. Enumerable.Repeat(0.01f, width)
                ]);
        }

        project.Add("turned", []);
        TestCheckpoint.WriteFile(project.Model("turned"), [.. tensors.Select(tensor => (tensor.Key, tensor.Value))]);
        var config = project.Config;
        config["vocab_size"] = vocabulary + 1;
        config["bos_token_id"] = null;
        File.WriteAllText(project.Model("turned", "config.json"), config.ToJsonString());
        File.WriteAllText(
            project.Model("turned", "tokenizer.json"),
            TinyTokenizer.Words([.. Enumerable.Range(0, vocabulary).Reverse().Select(i => $"w{i}")], ("<new>", vocabulary)));

        project.Space.Merge("m", ("Method", "task_arithmetic"), ("Base", "models/base"), ("TokenizerSource", "union"));
        project.Space.Source("models/turned", ("Weight", "1"));
        project.Space.Run("m");

        const string text = "w3 w9 w4 w17 w5 w6";
        var before = Tokenizer.Load(project.Model("a", "tokenizer.json")).Encode(text, addSpecialTokens: true);
        Assert.Equal(
            before, Tokenizer.Load(Path.Combine(project.Space.Output("m"), "tokenizer.json")).Encode(text, addSpecialTokens: true));
        var engine = new CpuEngine(new EngineOptions { Threads = 1 });
        using var expected = engine.Load(Path.GetDirectoryName(project.Model("a"))!);
        using var actual = engine.Load(project.Space.Output("m"));
        Assert.Equal(vocabulary + 1, actual.Description.Outcomes);
        var (logits, merged) = (Logits(expected), Logits(actual));
        Assert.Equal(vocabulary, logits.Length);
        for (var i = 0; i < vocabulary; i++)
            Assert.Equal(logits[i], merged[i], 1e-4f);

        float[] Logits(ITransformerModel model) => model.Logits(new TokenBatch([new TokenSequence(before)]), [(0, before.Length - 1)]);
    }
}
