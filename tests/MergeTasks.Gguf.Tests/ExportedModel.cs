using System.Text;
using System.Text.Json.Nodes;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Gguf.Format;
using MergeTasks.Gguf.Models;
using MergeTasks.Gguf.Writing;
using MergeTasks.TestSupport;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Processor;

namespace MergeTasks.Gguf.Tests;

/// <summary>A model folder that is written as GGUF, to be read by llama.cpp and run by the built-in engine.</summary>
internal sealed class ExportedModel : IWeights, IDisposable
{
    // Models in the repository have no tokenizer; the rest of the vocabulary is rows without a token.
    private const string SmallTokenizer = """
        {
          "version": "1.0", "added_tokens": [], "normalizer": null, "post_processor": null, "decoder": null,
          "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
          "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "Ċ": 3}, "merges": ["a b"]}
        }
        """;

    private readonly TempFolder _folder = new();
    private readonly Checkpoint _checkpoint;

    public ExportedModel(string model, Action<JsonObject>? change = null)
    {
        foreach (var name in new[] { "model.safetensors", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json" })
        {
            if (File.Exists(System.IO.Path.Combine(model, name)))
                File.Copy(System.IO.Path.Combine(model, name), _folder[name]);
        }

        var config = JsonNode.Parse(File.ReadAllText(System.IO.Path.Combine(model, "config.json")))!.AsObject();
        change?.Invoke(config);
        File.WriteAllText(_folder["config.json"], config.ToJsonString());
        _checkpoint = Checkpoint.Open(_folder.Path);
    }

    public static string Golden(string name) =>
        System.IO.Path.Combine(RepositoryFolder.Root, "tests", "MergeTasks.Transformers.Tests", "Data", name);

    public ITransformerModel Engine() => new CpuEngine(new EngineOptions { Threads = 1 }).Load(_folder.Path);

    /// <summary>Writes the file of a kind.</summary>
    /// <returns>Its path.</returns>
    public string Write(string type = "F32", int workers = 1)
    {
        var kind = GgufFileType.All.First(known => known.Name == type);
        var model = Describe(kind);
        var path = Path(type, workers);
        using var output = File.Create(path);
        new GgufWriter(this, workers, CancellationToken.None).Write(model, output);
        Assert.Equal(model.Layout.Length, output.Length);
        return path;
    }

    /// <summary>Where the file of a kind is written.</summary>
    public string Path(string type, int workers = 1) => _folder[$"{type}-{workers}.gguf"];

    public GgufModel Describe(GgufFileType kind) => GgufModel.Of(
        new ModelSource(
            "test",
            _folder.Path,
            File.ReadAllBytes(_folder["config.json"]),
            [
                .. _checkpoint.Names.Select(name => _checkpoint.Find(name)!)
                    .Select(info => new TensorSpec(info.Name, info.DType, info.Shape)),
            ],
            name => File.Exists(_folder[name]) ? File.ReadAllBytes(_folder[name])
                : name == "tokenizer.json" ? Encoding.UTF8.GetBytes(SmallTokenizer) : null),
        kind);

    public DType DTypeOf(string tensor) => _checkpoint.Find(tensor)!.DType;

    public void Read(string tensor, long start, Span<byte> destination) => _checkpoint.Read(tensor, start, destination);

    public bool Has(string tensor) => _checkpoint.Find(tensor) is not null;

    public float[] Values(string tensor)
    {
        var info = _checkpoint.Find(tensor)!;
        var (bytes, values) = (new byte[info.ByteLength], new float[info.ElementCount]);
        _checkpoint.Read(tensor, 0, bytes);
        ElementConversion.ToSingle(info.DType, bytes, values);
        return values;
    }

    public void Dispose()
    {
        _checkpoint.Dispose();
        _folder.Dispose();
    }
}
