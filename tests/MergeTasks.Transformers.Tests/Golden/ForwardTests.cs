using MergeTasks.TestSupport;
using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Transformers.Tests.Golden;

public class ForwardTests
{
    public static IEnumerable<object[]> Models => TestedEngines.With(GoldenModel.Names);

    [Theory]
    [MemberData(nameof(Models))]
    public void Logits_equal_the_reference(string engine, string name)
    {
        using var golden = new GoldenModel(name, engine);
        var positions = golden.Model.Description.Task == ModelTask.SequenceClassification
            ? Enumerable.Range(0, golden.Batch.Sequences.Count).Select(sequence => (sequence, 0)).ToArray()
            : [
                .. golden.Batch.Sequences.SelectMany((sequence, i) =>
                    Enumerable.Range(0, sequence.Ids.Count).Select(position => (i, position)))
            ];
        var logits = golden.Model.Logits(golden.Batch, positions);
        Assert.InRange(Compare.Relative(golden.Singles("logits"), logits), 0, Tolerances.Logits(name));
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Loss_equals_the_reference(string engine, string name)
    {
        using var golden = new GoldenModel(name, engine);
        var scores = golden.Model.Score(golden.Batch, golden.Targets);
        var loss = golden.Targets.Zip(scores, (target, score) => target.Weight * score.LogProbability).Sum();
        var expected = golden.Singles("loss")[0];
        Assert.InRange(Math.Abs(loss - expected) / expected, 0, Tolerances.Loss(name));
    }

    [Fact]
    public void All_folders_are_here()
    {
        Assert.Equal(23 + 49, GoldenModel.Names.Count() - GoldenModel.NamesOfVersionFive.Count());
    }
}
