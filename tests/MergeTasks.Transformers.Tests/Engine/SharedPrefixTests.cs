using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Processor;
using MergeTasks.Transformers.Tests.Golden;

namespace MergeTasks.Transformers.Tests.Engine;

/// <summary>Layers before the first replaced parameter run once for all models made from one; no bit of a result may show it.</summary>
public class SharedPrefixTests
{
    [Theory]
    [InlineData("llama-A")]
    [InlineData("gpt2-A")]
    [InlineData("mixtral-A")]
    [InlineData("bert-cls-A")]
    [InlineData("gemma2-A")]
    [InlineData("gemma3n_text-A")]
    public void A_model_with_another_parameter_scores_as_one_that_shares_nothing(string name)
    {
        using var golden = new GoldenModel(name);
        var (engine, model) = (new CpuEngine(), golden.Model);
        var folder = golden.Folder;
        var configuration = File.ReadAllBytes(Path.Combine(folder, "config.json"));
        var untouched = Scores(model, golden);

        // In the order of names, in which layers come forwards and parameters before them again and again.
        foreach (var (parameter, value) in model.Parameters)
        {
            var values = new float[value.ElementCount];
            value.CopyTo(0, values);
            foreach (ref var element in values.AsSpan())
                element = (element * 1.1f) + 0.01f;
            var replaced = new Dictionary<string, ParameterValue> { [parameter] = ParameterValue.FromSingles(value.Shape, values) };
            using var changed = model.Replacing(replaced);
            var tensors = new Dictionary<string, ParameterValue>(model.Parameters) { [parameter] = replaced[parameter] };
            using var alone = engine.Load(folder, configuration, tensors);
            var scores = Scores(changed, golden);
            Assert.Equal(Scores(alone, golden), scores);
            Assert.Equal(scores, Scores(changed, golden));

            // One made of one that was made of another.
            using var again = changed.Replacing(new Dictionary<string, ParameterValue> { [parameter] = value });
            Assert.Equal(untouched, Scores(again, golden));
        }

        Assert.Equal(untouched, Scores(model, golden));
    }

    private static double[] Scores(ITransformerModel model, GoldenModel golden) =>
        [.. model.Score(golden.Batch, golden.Targets).Select(score => score.LogProbability)];
}
