using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Metrics;
using MergeTasks.Transformers.Statistics;
using MergeTasks.Transformers.Tests.Golden;
using MergeTasks.Transformers.Tests.Tokenization;

namespace MergeTasks.Transformers.Tests.Metrics;

/// <summary>Every caller of the engine on a second implementation of its interface, with results that can be worked out by hand.</summary>
public class MetricTests
{
    // p(next | last), tokens "a" 0, "b" 1 (which ends a text), "?" 2 (which begins one).
    private static readonly float[,] Probabilities = { { 0.25f, 0.5f, 0.25f }, { 0.125f, 0.125f, 0.75f }, { 0.5f, 0.25f, 0.25f } };

    [Fact]
    public void Perplexity_is_that_of_the_table()
    {
        var measured = Perplexity.Measure(Model(), ["a b", "a", ""]);
        Assert.Equal(3, measured.Tokens);
        Assert.Equal((Math.Log(2) + Math.Log(2) + Math.Log(2)) / 3, measured.MeanNegativeLogLikelihood, 1e-7);
        Assert.Equal(2, measured.Value, 1e-6);
    }

    [Fact]
    public void Task_score_counts_a_sample_whose_every_token_is_the_best()
    {
        var score = TaskScore.Measure(Model(), [new TaskSample("?", "a b"), new TaskSample("a", "b a")]);
        Assert.Equal(0.5, score.ExactMatch);
        Assert.Equal((Math.Log(0.5) + (Math.Log(0.5) + Math.Log(0.125)) / 2) / 2, score.MeanLogProbability, 1e-7);
    }

    [Fact]
    public void The_choice_of_the_higher_mean_log_probability_is_the_answer()
    {
        var accuracy = Accuracy.OfChoices(Model(), [new ChoiceSample("a", ["a", "b ?"], 1), new ChoiceSample("?", ["b", "a"], 0)]);
        Assert.Equal(0.5, accuracy.Share);
    }

    [Fact]
    public void Labels_are_compared_with_the_best_outcome()
    {
        var classifier = Model(ModelTask.SequenceClassification);
        var accuracy = Accuracy.OfLabels(classifier, [new LabelSample("a", 1), new LabelSample("b", 2), new LabelSample("?", 1)]);
        Assert.Equal(2.0 / 3, accuracy.Share, 1e-12);
        Assert.Equal((Math.Log(0.5) + Math.Log(0.75) + Math.Log(0.25)) / 3, accuracy.MeanLogProbability, 1e-7);
        Assert.Throws<ModelException>(() => Accuracy.OfLabels(Model(), [new LabelSample("a", 1)]));
    }

    [Fact]
    public void Greedy_decoding_stops_at_the_end_of_sequence()
    {
        // "?" is followed by "a" and that by "b", which ends the text.
        Assert.Equal([0], GreedyDecoding.Continue(Model().Model, [2], 5));
        Assert.Equal([2], GreedyDecoding.Continue(Model().Model, [1], 1));
    }

    [Fact]
    public void Statistics_and_gradients_reach_their_receivers()
    {
        var model = Model().Model;
        var statistics = new ChannelStatistics();
        model.Observe(TokenBatch.Of([0, 0, 2, 1]), statistics);
        Assert.Equal([0.5, 0.25, 0.25], statistics["table"].MeanAbsolute());
        var gradients = new GradientCollector();
        model.Backward(TokenBatch.Of([0, 1]), [new Target(0, 0, 1)], gradients);
        Assert.Equal(0.5f, gradients["table"][1], 1e-6f);
    }

    [Fact]
    public void A_broken_line_of_samples_is_named()
    {
        var path = Path.GetTempFileName();
        try
        {
            foreach (var (line, named) in new[]
            {
                ("""{"text": 3}""", "'text'"), ("""{"text": "\ud800"}""", "'text'"), ("{", "line 2"), ("[]", "'text'"),
            })
            {
                File.WriteAllLines(path, ["""{"text": "a"}""", line]);
                Assert.Contains(named, Assert.Throws<ModelException>(() => JsonLines.ReadTexts(path)).Message, StringComparison.Ordinal);
            }

            File.WriteAllLines(path, ["""{"text": "a", "label": "no"}""", "", """{"text": "b", "label": 1}"""]);
            Assert.Equal([0, 1], JsonLines.ReadLabels(path, ["no", "yes"]).Select(sample => sample.Label));
            Assert.Contains(
                "'maybe'",
                Refusal("""{"text": "a", "label": "maybe"}""", () => JsonLines.ReadLabels(path, ["no", "yes"])),
                StringComparison.Ordinal);
            Assert.Contains(
                "'answer'",
                Refusal("""{"prompt": "a", "choices": ["b", "a"], "answer": 2}""", () => JsonLines.ReadChoices(path)),
                StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }

        string Refusal(string line, Func<object> read)
        {
            File.WriteAllText(path, line);
            return Assert.Throws<ModelException>(read).Message;
        }
    }

    private static TextModel Model(ModelTask task = ModelTask.CausalLanguageModel)
    {
        var scores = new float[3, 3];
        for (var i = 0; i < scores.Length; i++)
            scores[i / 3, i % 3] = MathF.Log(Probabilities[i / 3, i % 3]);
        return new TextModel(new BigramModel(scores, task), TestData.With("pre_tokenizer", """{ "type": "WhitespaceSplit" }"""));
    }
}
