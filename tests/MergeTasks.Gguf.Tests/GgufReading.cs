using System.Text.Json.Nodes;
using MergeTasks.Files;
using MergeTasks.Gguf.Format;
using MergeTasks.Gguf.Reading;
using MergeTasks.TestSupport;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Gguf.Tests;

/// <summary>What was written is read back under its own names, and what is damaged is refused.</summary>
public sealed class GgufReading
{
    [Theory]
    [InlineData("golden/llama-A")]
    [InlineData("golden/mistral-A")]
    [InlineData("golden/qwen2-A")]
    [InlineData("golden/qwen3-A")]
    [InlineData("golden/gemma2-A")]
    [InlineData("golden/phi3-A")]
    [InlineData("golden-v5/granite-A")]
    [InlineData("golden/llama-B")]
    [InlineData("golden/mixtral-A")]
    [InlineData("golden-v5/qwen2_moe-A")]
    [InlineData("golden-v5/qwen3_moe-A")]
    [InlineData("golden-v5/gemma3_text-A")]
    [InlineData("golden-v5/smollm3-A")]
    [InlineData("golden-v5/gpt_oss-A")]
    [InlineData("variants/llama-llama3")]
    [InlineData("variants/llama-yarn")]
    [InlineData("variants/llama-yarn-mscale")]
    [InlineData("variants/llama-longrope")]
    [InlineData("variants/mistral-linear")]
    [InlineData("variants/qwen2-yarn")]
    [InlineData("variants/phi3-short")]
    public void Undoes_writing(string name)
    {
        using var model = new ExportedModel(ExportedModel.Golden(name), config => Readable(name, config));
        using var engine = model.Engine();
        using var read = new ReadModel(model.Write());
        var checkpoint = read.Checkpoint;
        foreach (var tensor in checkpoint.Names)
        {
            // Version 5 of transformers stores experts of some families in one tensor; they are read one by one.
            if (!model.Has(tensor))
            {
                Assert.Contains(".experts.", tensor, StringComparison.Ordinal);
                continue;
            }

            var expected = model.Values(tensor);
            Assert.Equal(expected.Length, checkpoint.Find(tensor)!.Shape.Aggregate(1L, (product, size) => product * size));
            var actual = new float[expected.Length];
            var reader = checkpoint.NewReader(tensor);

            // In pieces that do not end with rows.
            for (var start = 0; start < actual.Length; start += 7)
                reader.Read(start, actual.AsSpan(start, Math.Min(7, actual.Length - start)));
            Assert.True(expected.Zip(actual).All(pair => MathF.Abs(pair.First - pair.Second) <= 2e-6f), tensor);
        }

        // And the configuration means what that of the model does.
        int[] tokens = [.. Enumerable.Range(0, 40).Select(i => (i * 37 + 5) % engine.Description.Outcomes)];
        (int, int)[] all = [.. tokens.Select((_, position) => (0, position))];
        var logits = engine.Logits(TokenBatch.Of(tokens), all);
        var largest = logits.Max(MathF.Abs);
        Assert.All(
            logits.Zip(read.Engine.Logits(TokenBatch.Of(tokens), all)),
            pair => Assert.InRange(MathF.Abs(pair.First - pair.Second) / largest, 0, 1e-5f));
    }

    // A factor of scores that goes into the queries cannot be told from queries, and what readers have built in cannot be read.
    private static void Readable(string name, JsonObject config)
    {
        if (name.Contains("gemma", StringComparison.Ordinal))
            config["query_pre_attn_scalar"] = 16;
        if (name.EndsWith("gpt_oss-A", StringComparison.Ordinal))
            config["rope_parameters"]!["truncate"] = false;
        if (name.EndsWith("qwen3_moe-A", StringComparison.Ordinal))
            config["num_hidden_layers"] = 1;
        if (!name.EndsWith("smollm3-A", StringComparison.Ordinal))
            return;
        config["no_rope_layers"] = new JsonArray(1, 1, 1);
        config["no_rope_layer_interval"] = 4;
    }

    /// <summary>Files of llama.cpp's own converter say of a mixture how wide a dense layer would be.</summary>
    [Fact]
    public void Reads_mixtures_that_say_a_dense_width()
    {
        using var model = new ExportedModel(ExportedModel.Golden("golden-v5/qwen2_moe-A"));
        var path = model.Write();
        var bytes = File.ReadAllBytes(path);
        var key = "qwen2moe.feed_forward_length"u8;
        BitConverter.TryWriteBytes(bytes.AsSpan(bytes.AsSpan().IndexOf(key) + key.Length + 4), 5632u);
        File.WriteAllBytes(path, bytes);
        using var read = new ReadModel(path);
        Assert.Equal(5632, (int)JsonNode.Parse(read.Checkpoint.Config)!["intermediate_size"]!);
    }

    [Fact]
    public void Dequantises()
    {
        using var model = new ExportedModel(Path.Combine(RepositoryFolder.Root, "example-project", "models", "base"));
        using var checkpoint = GgufCheckpoint.Open(model.Write("Q4_K_M"));
        const string name = "model.layers.0.mlp.down_proj.weight";
        var expected = model.Values(name);
        var actual = new float[expected.Length];
        checkpoint.NewReader(name).Read(0, actual);
        var error = expected.Zip(actual).Sum(pair => Math.Pow(pair.First - pair.Second, 2)) / expected.Sum(value => (double)value * value);
        Assert.InRange(Math.Sqrt(error), 0.001, 0.1);
    }

    [Fact]
    public void Refuses_what_is_damaged()
    {
        using var model = new ExportedModel(ExportedModel.Golden("golden/qwen2-A"));
        var original = File.ReadAllBytes(model.Write());
        using var folder = new TempFolder();
        var random = new Random(3);
        var refused = 0;
        for (var i = 0; i < 300; i++)
        {
            var bytes = original.ToArray();
            for (var change = random.Next(1, 4); change > 0; change--)
            {
                var at = random.Next(Math.Min(bytes.Length, 4000));
                if (random.Next(8) == 0)
                    bytes = bytes[..Math.Max(at, 1)];
                else
                    bytes[at] = (byte)random.Next(256);
            }

            File.WriteAllBytes(folder["x.gguf"], bytes);
            try
            {
                using var checkpoint = GgufCheckpoint.Open(folder["x.gguf"]);
                foreach (var tensor in checkpoint.Names)
                    checkpoint.NewReader(tensor).Read(0, new float[4]);
            }
            catch (Exception e) when (e is GgufException or FileFault)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 30, 300);
    }
}
