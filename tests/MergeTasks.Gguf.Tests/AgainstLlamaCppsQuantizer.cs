using LLama.Native;
using MergeTasks.Gguf.Reading;
using MergeTasks.TestSupport;

namespace MergeTasks.Gguf.Tests;

/// <summary>Blocks keep as much of a model's numbers as those that llama.cpp's own quantiser makes of the same file.</summary>
public sealed class AgainstLlamaCppsQuantizer
{
    private const int Hidden = 256;
    private const int Inner = 512;

    /// <summary>
    /// The mean over matrices of the same type of the quotient of both errors (roots of mean squares); without weights of importance, which
    /// neither has here.
    /// </summary>
    [Theory]
    [InlineData("Q8_0", LLamaFtype.MOSTLY_Q8_0)]
    [InlineData("Q6_K", LLamaFtype.MOSTLY_Q6_K)]
    [InlineData("Q5_K_M", LLamaFtype.MOSTLY_Q5_K_M)]
    [InlineData("Q4_K_M", LLamaFtype.MOSTLY_Q4_K_M)]
    [InlineData("Q4_1", LLamaFtype.MOSTLY_Q4_1)]
    [InlineData("Q4_0", LLamaFtype.MOSTLY_Q4_0)]
    public void Keeps_as_much(string type, LLamaFtype theirs)
    {
        using var folder = new TempFolder();
        Write(folder.Path);
        using var model = new ExportedModel(folder.Path);
        LlamaCpp.Quantize(model.Write(), folder["theirs.gguf"], theirs);
        using var own = GgufCheckpoint.Open(model.Write(type));
        using var other = GgufCheckpoint.Open(folder["theirs.gguf"]);
        var quotients = own.Names
            .Where(name => own.Find(name)!.Shape.Count == 2 && TypeOf(own, name) == TypeOf(other, name) && TypeOf(own, name) != "F32")
            .Select(name => Error(own, model, name) / Error(other, model, name)).ToList();
        Assert.True(quotients.Count >= 8, $"{quotients.Count} matrices have the same type in both");
        var shown = $"{quotients.Average():0.0000} of {quotients.Count}, {quotients.Min():0.0000} to {quotients.Max():0.0000}";
        Console.WriteLine($"{type}: {shown}");
        Assert.True(quotients.Average() <= 1.01 && quotients.Max() <= 1.03, shown);
    }

    private static string TypeOf(GgufCheckpoint checkpoint, string name) =>
        string.Join(' ', checkpoint.PartsOf(name).Select(part => checkpoint.File.Tensors[part].Tensor.Type).Distinct());

    private static double Error(GgufCheckpoint checkpoint, ExportedModel model, string name)
    {
        var expected = model.Values(name);
        var actual = new float[expected.Length];
        checkpoint.NewReader(name).Read(0, actual);
        return Math.Sqrt(expected.Zip(actual).Sum(pair => Math.Pow(pair.First - pair.Second, 2)));
    }

    // Numbers like those of trained matrices: rows of different sizes, and now and then one far out.
    private static void Write(string folder)
    {
        var random = new Random(11);
        var tensors = new List<(string, RawTensor)>
        {
            ("model.embed_tokens.weight", Matrix(256, Hidden)), ("lm_head.weight", Matrix(256, Hidden)),
            ("model.norm.weight", RawTensor.F32([Hidden], [.. Enumerable.Repeat(1f, Hidden)])),
        };
        for (var layer = 0; layer < 2; layer++)
        {
            var at = $"model.layers.{layer}.";
            tensors.Add((at + "input_layernorm.weight", RawTensor.F32([Hidden], [.. Enumerable.Repeat(1f, Hidden)])));
            tensors.Add((at + "post_attention_layernorm.weight", RawTensor.F32([Hidden], [.. Enumerable.Repeat(1f, Hidden)])));
            foreach (var part in new[] { "q", "k", "v", "o" })
                tensors.Add(($"{at}self_attn.{part}_proj.weight", Matrix(Hidden, Hidden)));
            tensors.Add((at + "mlp.gate_proj.weight", Matrix(Inner, Hidden)));
            tensors.Add((at + "mlp.up_proj.weight", Matrix(Inner, Hidden)));
            tensors.Add((at + "mlp.down_proj.weight", Matrix(Hidden, Inner)));
        }

        TestCheckpoint.Write(folder, [.. tensors]);
        File.WriteAllText(
            Path.Combine(folder, "config.json"),
            $$"""
            {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": {{Hidden}}, "intermediate_size": {{Inner}},
             "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 256, "tie_word_embeddings": false}
            """);

        RawTensor Matrix(int rows, int columns)
        {
            var values = new float[rows * columns];
            for (var i = 0; i < values.Length; i++)
            {
                var normal = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
                var far = random.Next(200) == 0 ? 4 : 1;
                values[i] = (float)(normal * far * 0.02 * (1 + (i / columns % 5 / 4.0)));
            }

            return RawTensor.F32([rows, columns], values);
        }
    }
}
