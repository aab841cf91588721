using System.Text.Json;
using System.Text.Json.Nodes;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Importance;

/// <summary>A base and fine-tuned models of one reference architecture, with calibration text and task data, in a workspace.</summary>
internal sealed class ScoredProject : IDisposable
{
    private readonly string _golden;

    public ScoredProject(string golden = "llama-A", params string[] models)
        : this(new CountingEngine(), golden, models)
    {
    }

    private ScoredProject(CountingEngine engine, string golden, string[] models)
    {
        Engine = engine;
        _golden = Path.Combine(AppContext.BaseDirectory, "Data", "golden", golden);
        Space.Engine = Engine;
        Vocabulary = (int)Config["vocab_size"]!;
        Add("base", File.ReadAllBytes(Path.Combine(_golden, "model.safetensors")));
        foreach (var (model, index) in (models.Length == 0 ? ["a", "b"] : models).Select((model, index) => (model, index)))
            Tune(model, seed: 10 + index);
        Directory.CreateDirectory(Data());
        File.WriteAllText(Data("calibration.txt"), WordTokenizer.Documents(1, 12, 10, Vocabulary));
    }

    /// <summary>A project whose models run on another engine than the processor's.</summary>
    public static ScoredProject On(string engine, string golden, params string[] models) => new(new CountingEngine(engine), golden, models);

    public MergeWorkspace Space { get; } = new();

    public CountingEngine Engine { get; }

    public int Vocabulary { get; }

    public string Golden => _golden;

    public JsonNode Config => JsonNode.Parse(File.ReadAllText(Path.Combine(_golden, "config.json")))!;

    public string Data(params string[] parts) => Path.Combine([Space.Folder, "data", .. parts]);

    public string Model(string name, string file = "model.safetensors") => Path.Combine(Space.Folder, "models", name, file);

    /// <summary>
    /// Writes a model: the reference's configuration without a beginning-of-sequence token, these weights, a tokenizer and samples.
    /// </summary>
    public void Add(string name, byte[] weights)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Model(name))!);
        File.WriteAllBytes(Model(name), weights);
        var config = Config;
        config["bos_token_id"] = null;
        File.WriteAllText(Model(name, "config.json"), config.ToJsonString());
        WordTokenizer.Write(Path.GetDirectoryName(Model(name))!, Vocabulary);
    }

    /// <summary>Writes a fine-tuned model: the base with small changes to every number but some.</summary>
    public void Tune(string name, int seed)
    {
        var tensors = TestCheckpoint.ReadFile(Path.Combine(_golden, "model.safetensors"))
            .OrderBy(tensor => tensor.Key, StringComparer.Ordinal)
            .ToList();
        var changed = tensors.Select((tensor, i) =>
        {
            var values = tensor.Value.Floats();
            var change = RandomTensors.Normal((seed * 1000) + i, values.Length, 0.05);
            return (tensor.Key,
                RawTensor.F32(tensor.Value.Shape, [.. values.Select((value, j) => j % 7 == 3 ? value : value + change[j])]));
        }).ToArray();
        TestCheckpoint.WriteFile(Path.Combine(Space.Folder, "tuned.tmp"), changed);
        Add(name, File.ReadAllBytes(Path.Combine(Space.Folder, "tuned.tmp")));
        Directory.CreateDirectory(Data());
        WriteTask(name, seed);
    }

    public void WriteTask(string name, int seed, int samples = 4)
    {
        var random = new Random(seed);
        var lines = Enumerable.Range(0, samples).Select(_ => JsonSerializer.Serialize(new
        {
            prompt = WordTokenizer.Text(Enumerable.Range(0, random.Next(3, 7)).Select(_ => random.Next(3, Vocabulary))),
            target = " " + WordTokenizer.Text(Enumerable.Range(0, random.Next(1, 4)).Select(_ => random.Next(3, Vocabulary))),
        }));
        File.WriteAllLines(Data(name + ".jsonl"), lines);
    }

    /// <summary>Declares one merge of all models, with AIM's and APL's first version where the settings say nothing else.</summary>
    public void Declare(string method, IReadOnlyList<string> models, params (string Name, string Value)[] metadata) =>
        DeclareAsIs(method, models, FirstVersion.With(metadata));

    /// <summary>Declares one merge of all models, with these settings alone.</summary>
    public void DeclareAsIs(string method, IReadOnlyList<string> models, params (string Name, string Value)[] metadata)
    {
        Space.Clear();
        Space.Merge(
            "m",
            [
                ("Method", method),
                ("Base", "models/base"),
                .. method == "slerp" ? [("T", "0.5")] : Array.Empty<(string, string)>(),
                .. metadata
            ]);
        foreach (var model in models)
        {
            Space.Source(
                "models/" + model,
                [("TaskData", $"data/{model}.jsonl"), .. method is "slerp" or "passthrough" ? [] : new[] { ("Weight", "0.5") }]);
        }
    }

    /// <summary>Runs the merge and returns what ran for it.</summary>
    public IReadOnlyList<string> Run()
    {
        Engine.Runs.Clear();
        Engine.Tokens.Clear();
        Space.Run("m");
        return [.. Engine.Runs];
    }

    public JsonNode Manifest() => JsonNode.Parse(File.ReadAllText(Path.Combine(Space.Output("m"), "merge.manifest.json")))!;

    /// <summary>The numbers in the cache's entry of a score that the last output used.</summary>
    public Dictionary<string, RawTensor> Score(string name, string model)
    {
        var key = (string)Manifest()["importance"]!["scores"]!
            .AsArray()
            .Single(score => (string)score!["score"]! == name && (string)score["model"]! == "models/" + model)!["key"]!;
        return TestCheckpoint.ReadFile(
            Assert.Single(Directory.GetFiles(Path.Combine(Space.Cache, "scores", key[..2]), key + "-*.safetensors")));
    }

    public void Dispose() => Space.Dispose();
}
