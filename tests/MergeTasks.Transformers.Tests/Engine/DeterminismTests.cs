using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Tests.Golden;

namespace MergeTasks.Transformers.Tests.Engine;

public class DeterminismTests
{
    [Theory]
    [InlineData("llama-B")]
    [InlineData("gemma2-A")]
    [InlineData("gemma3n_text-A")]
    [InlineData("gemma4_text-experts")]
    [InlineData("mixtral-A")]
    [InlineData("gpt_neox-A")]
    [InlineData("bert-mlm-A")]
    public void Results_have_the_same_bits_for_any_threads_and_kept_memory(string name)
    {
        var (scores, gradients) = Run(name, new EngineOptions { Threads = 1, KeptBytes = long.MaxValue });
        foreach (var options in new[]
        {
            new EngineOptions { Threads = 2, KeptBytes = 0 },
            new EngineOptions { Threads = 2, KeptBytes = 0, ResidentBytes = 0 },
            new EngineOptions { Threads = 3, KeptBytes = 400_000 },
            new EngineOptions { Threads = 8, KeptBytes = long.MaxValue },
        })
        {
            var (otherScores, otherGradients) = Run(name, options);
            Assert.Equal(scores, otherScores);
            foreach (var parameter in gradients.Names)
                Assert.True(
                    gradients[parameter].AsSpan().SequenceEqual(otherGradients[parameter]), $"{parameter} differs under {options}.");
        }
    }

    [Fact]
    public void A_sequence_scores_the_same_alone_and_beside_others_of_other_lengths()
    {
        using var golden = new GoldenModel("qwen2-A");
        int[] first = [.. golden.Batch.Sequences[0].Ids];
        int[] second = [.. golden.Batch.Sequences[1].Ids.Take(9)];
        var alone = golden.Model.Score(TokenBatch.Of(second), [new Target(0, 7, second[8])])[0];
        var together = golden.Model.Score(TokenBatch.Of(first, second), [new Target(1, 7, second[8])])[0];
        Assert.Equal(alone.LogProbability, together.LogProbability, 1e-5);
        Assert.Equal(alone.Best, together.Best);
    }

    private static (IReadOnlyList<TargetScore> Scores, GradientCollector Gradients) Run(string name, EngineOptions options)
    {
        using var golden = new GoldenModel(name, options: options);
        var gradients = new GradientCollector();
        return (golden.Model.Backward(golden.Batch, golden.Targets, gradients), gradients);
    }
}
