using System.Text.Json;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Metrics;
using MergeTasks.Transformers.Processor;
using MergeTasks.Transformers.Tokenization;

namespace MergeTasks.Transformers.Tests.Metrics;

/// <summary>The four trained example models against what PyTorch measures on them, to the digits given.</summary>
public class TrainedModelTests
{
    private static readonly string Eval = Path.Combine(AppContext.BaseDirectory, "Data", "eval");
    private static readonly string Models = Path.Combine(RepositoryRoot(), "example-project", "models");

    [Theory]
    [InlineData("base")]
    [InlineData("code")]
    [InlineData("manual")]
    [InlineData("math")]
    public void Perplexity_and_arithmetic_equal_the_reference(string name)
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Eval, "reference.json")));
        var reference = json.RootElement.GetProperty(name);
        using var model = Load(name);
        var text = new TextModel(model, Tokenizer.Load(Path.Combine(Models, name, "tokenizer.json")));
        foreach (var domain in new[] { "dictionary", "pydoc", "manual", "code" })
        {
            var expected = reference.GetProperty(domain);
            var measured = Perplexity.Measure(text, JsonLines.ReadTexts(Path.Combine(Eval, domain + ".jsonl")), tokensPerText: 128);
            Assert.Equal(expected.GetProperty("tokens").GetInt64(), measured.Tokens);
            Assert.InRange(Math.Abs(expected.GetProperty("nll").GetDouble() - measured.MeanNegativeLogLikelihood), 0, 1e-5);
            Assert.InRange(Math.Abs(expected.GetProperty("perplexity").GetDouble() - measured.Value), 0, 1e-3);
        }

        var arithmetic = TaskScore.Measure(text, JsonLines.ReadTasks(Path.Combine(Eval, "math.jsonl")));
        Assert.Equal(reference.GetProperty("math").GetProperty("exact_match").GetDouble(), Math.Round(arithmetic.ExactMatch, 5));
        Assert.InRange(
            Math.Abs(reference.GetProperty("math").GetProperty("mean_logprob").GetDouble() - arithmetic.MeanLogProbability), 0, 1e-5);
    }

    [Fact]
    public void Greedy_decoding_finds_the_exact_matches()
    {
        using var model = Load("math");
        var text = new TextModel(model, Tokenizer.Load(Path.Combine(Models, "math", "tokenizer.json")));
        var samples = JsonLines.ReadTasks(Path.Combine(Eval, "math.jsonl")).Take(40).ToList();
        var right = 0;
        foreach (var sample in samples)
        {
            var exact = TaskScore.Measure(text, [sample]).ExactMatch == 1;
            var continued = GreedyDecoding.Continue(text, sample.Prompt, text.Encode(sample.Target).Length);
            Assert.Equal(exact, continued == sample.Target);
            right += exact ? 1 : 0;
        }

        Assert.InRange(right, 1, 39);
    }

    [Fact]
    public void Multiple_choice_prefers_the_continuation_of_higher_probability()
    {
        using var model = Load("math");
        var text = new TextModel(model, Tokenizer.Load(Path.Combine(Models, "math", "tokenizer.json")));
        var right = JsonLines.ReadTasks(Path.Combine(Eval, "math.jsonl")).Take(20)
            .Select(sample => new ChoiceSample(sample.Prompt, ["the of", sample.Target], 1)).ToList();
        Assert.Equal(1, Accuracy.OfChoices(text, right).Share);
        Assert.Equal(0, Accuracy.OfChoices(text, [.. right.Select(sample => sample with { Answer = 0 })]).Share);
    }

    private static ITransformerModel Load(string name) => new CpuEngine(new EngineOptions { Threads = 2 }).Load(Path.Combine(Models, name));

    private static string RepositoryRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "MergeTasks.sln")))
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("MergeTasks.sln was not found above the tests.");
        return folder;
    }
}
