using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Processor;
using MergeTasks.Transformers.Tests.Golden;

namespace MergeTasks.Transformers.Tests.Engine;

public class InputTests
{
    [Fact]
    public void A_token_outside_the_vocabulary_is_named()
    {
        using var golden = new GoldenModel("llama-A");
        var error = Assert.Throws<ModelException>(() => golden.Model.Score(TokenBatch.Of([3, 109]), [new Target(0, 0, 3)]));
        Assert.Equal(ModelError.BadInput, error.Error);
        Assert.Contains("109", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_sequence_longer_than_the_position_table_is_named()
    {
        using var golden = new GoldenModel("gpt2-A");
        var ids = Enumerable.Repeat(5, 33).ToArray();
        Assert.Contains(
            "33 tokens",
            Assert.Throws<ModelException>(() => golden.Model.Score(TokenBatch.Of(ids), [new Target(0, 0, 3)])).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, 0, 3, "sequence 1")]
    [InlineData(0, 2, 3, "position 2")]
    [InlineData(0, 0, 500, "outcome 500")]
    public void A_target_outside_the_batch_is_named(int sequence, int position, int outcome, string named)
    {
        using var golden = new GoldenModel("llama-A");
        var error = Assert.Throws<ModelException>(() =>
            golden.Model.Score(TokenBatch.Of([3, 4]), [new Target(sequence, position, outcome)]));
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Padding_is_refused_where_it_has_no_meaning()
    {
        using var decoder = new GoldenModel("llama-A");
        var padded = new TokenBatch(new TokenSequence([3, 4, 5]) { Attended = [false, true, true] });
        Assert.Contains("padding", Refusal(decoder, padded), StringComparison.Ordinal);
        using var encoder = new GoldenModel("bert-mlm-A");
        Assert.Contains(
            "padding only",
            Refusal(encoder, new TokenBatch(new TokenSequence([3, 4]) { Attended = [false, false] })),
            StringComparison.Ordinal);

        static string Refusal(GoldenModel golden, TokenBatch batch) =>
            Assert.Throws<ModelException>(() => golden.Model.Score(batch, [new Target(0, 1, 3)])).Message;
    }

    [Fact]
    public void A_replacement_of_another_shape_or_an_unknown_name_is_refused()
    {
        using var golden = new GoldenModel("llama-A");
        var value = ParameterValue.FromSingles([2], [1, 2]);
        Assert.Throws<ModelException>(() =>
            golden.Model.Replacing(new Dictionary<string, ParameterValue> { ["model.norm.weight"] = value }));
        Assert.Throws<ModelException>(() => golden.Model.Replacing(new Dictionary<string, ParameterValue> { ["no.such"] = value }));
    }

    [Fact]
    public void Names_without_the_inner_model_and_old_norm_names_are_found()
    {
        using var golden = new GoldenModel("bert-mlm-A");
        var folder = Directory.CreateTempSubdirectory("mergetasks-names").FullName;
        try
        {
            File.Copy(Path.Combine(golden.Folder, "config.json"), Path.Combine(folder, "config.json"));
            Renamed.Write(
                Path.Combine(golden.Folder, "model.safetensors"),
                Path.Combine(folder, "model.safetensors"),
                name => name.Replace("bert.", "", StringComparison.Ordinal)
                    .Replace("LayerNorm.weight", "LayerNorm.gamma", StringComparison.Ordinal)
                    .Replace("LayerNorm.bias", "LayerNorm.beta", StringComparison.Ordinal));
            using var model = new CpuEngine().Load(folder);
            Assert.Contains("embeddings.LayerNorm.gamma", model.Parameters.Keys);
            Assert.Empty(model.Description.UnusedTensors);
            Assert.Equal(golden.Model.Score(golden.Batch, golden.Targets), model.Score(golden.Batch, golden.Targets));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
