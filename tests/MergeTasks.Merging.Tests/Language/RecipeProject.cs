using System.Text.Json.Nodes;
using MergeTasks.Merging.Planning;
using MergeTasks.TestSupport;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Processor;

namespace MergeTasks.Merging.Tests.Language;

/// <summary>A workspace with one recipe, <c>recipe.yml</c>, and small models.</summary>
internal sealed class RecipeProject : IDisposable
{
    private static readonly string[] LayerTensors = ["input_layernorm.weight", "mlp.down_proj.weight", "self_attn.q_proj.weight"];

    public MergeWorkspace Space { get; } = new();

    /// <summary>A model of a few tensors named like a Llama's: random numbers of the seed, <paramref name="layers"/> layers.</summary>
    public Dictionary<string, RawTensor> Decoder(
        string name, int seed, int layers, string config = "", string prefix = "model.", string head = "lm_head.weight")
    {
        var names = new[] { $"{prefix}embed_tokens.weight", $"{prefix}norm.weight", head }
            .Concat(Enumerable.Range(0, layers).SelectMany(i => LayerTensors.Select(tensor => $"{prefix}layers.{i}.{tensor}")));
        var tensors = names.Where(tensor => tensor.Length > 0)
            .Select((tensor, i) =>
                (tensor, RandomTensors.F32((seed * 1000) + i, tensor.Contains("norm", StringComparison.Ordinal) ? [4] : [6, 4])))
            .ToArray();
        Write(name, $$"""{"model_type": "test", "num_hidden_layers": {{layers}}{{(config.Length > 0 ? ", " + config : "")}}}""", tensors);
        return tensors.ToDictionary(pair => pair.tensor, pair => pair.Item2);
    }

    public void Write(string name, string config, params (string Name, RawTensor Tensor)[] tensors)
    {
        Space.Model(name, tensors);
        File.WriteAllText(Path.Combine(Space.Folder, "models", name, "config.json"), config);
    }

    /// <summary>A copy of a reference model, with small changes to every weight where a seed is given.</summary>
    public string Golden(string golden, string name, int seed = 0)
    {
        var from = Path.Combine(AppContext.BaseDirectory, "Data", "golden", golden);
        var tensors = TestCheckpoint.ReadFile(Path.Combine(from, "model.safetensors")).Select((pair, i) =>
        {
            var change = RandomTensors.Normal((seed * 1000) + i, seed == 0 ? 0 : pair.Value.Floats().Length, 0.01);
            return (pair.Key,
                seed == 0
                    ? pair.Value
                    : RawTensor.F32(pair.Value.Shape, [.. pair.Value.Floats().Zip(change, (value, delta) => value + delta)]));
        }).ToArray();
        Write(name, File.ReadAllText(Path.Combine(from, "config.json")), tensors);
        return Path.Combine(Space.Folder, "models", name);
    }

    /// <summary>Writes the recipe, builds everything, and returns the output of the merge of that name.</summary>
    public Dictionary<string, RawTensor> Build(string recipe, string name = "recipe", params (string Name, string Value)[] metadata)
    {
        Declare(recipe, metadata);
        Space.RunAll();
        return Space.Result(name);
    }

    public void Declare(string recipe, params (string Name, string Value)[] metadata)
    {
        Space.Clear();
        File.WriteAllText(Path.Combine(Space.Folder, "recipe.yml"), recipe);
        Space.Merge("recipe.yml", metadata);
    }

    public MergePlan Plan(string recipe, string name = "recipe", params (string Name, string Value)[] metadata)
    {
        Declare(recipe, metadata);
        return Space.State(name).Plan;
    }

    public JsonNode Config(string name = "recipe") => JsonNode.Parse(File.ReadAllText(Path.Combine(Space.Output(name), "config.json")))!;

    /// <summary>The scores of all next tokens of a model folder, computed by the engine.</summary>
    public static float[] Logits(string folder)
    {
        using var model = new CpuEngine(new EngineOptions { Threads = 2 }).Load(folder);
        return model.Logits(TokenBatch.Of([1, 5, 9, 7]), [(0, 3)]);
    }

    public void Dispose() => Space.Dispose();
}
