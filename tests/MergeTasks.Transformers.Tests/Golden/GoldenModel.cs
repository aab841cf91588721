using System.Runtime.InteropServices;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.TestSupport;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Transformers.Tests.Golden;

/// <summary>One folder of the reference data: a tiny model, inputs, and what the reference implementation computed from them.</summary>
internal sealed class GoldenModel : IDisposable
{
    private readonly SafetensorsFile _file;
    private readonly Dictionary<string, TensorInfo> _tensors;

    public GoldenModel(string name, string engine = "cpu", EngineOptions? options = null)
    {
        Folder = FolderOf(name);
        _file = SafetensorsFile.Open(Path.Combine(Folder, "golden.safetensors"));
        _tensors = _file.Header.Tensors.ToDictionary(tensor => tensor.Name);
        Model = TestedEngines.Open(engine, options).Load(Folder);
        Batch = ReadBatch();
        Targets = ReadTargets();
    }

    public static string Root { get; } = Path.Combine(AppContext.BaseDirectory, "Data", "golden");

    public static string Variants { get; } = Path.Combine(AppContext.BaseDirectory, "Data", "variants");

    /// <summary>What version 5 of the reference implementation saves and computes.</summary>
    public static string VersionFive { get; } = Path.Combine(AppContext.BaseDirectory, "Data", "golden-v5");

    /// <summary>Every folder, so that none is forgotten.</summary>
    public static IEnumerable<string> Names =>
        new[] { Root, Variants, VersionFive }
            .SelectMany(Directory.GetDirectories)
            .Select(folder => Path.GetFileName(folder))
            .Order(StringComparer.Ordinal);

    /// <summary>The folders of version 5.</summary>
    public static IEnumerable<string> NamesOfVersionFive =>
        Directory.GetDirectories(VersionFive).Select(folder => Path.GetFileName(folder)).Order(StringComparer.Ordinal);

    /// <summary>Families of encoders.</summary>
    public static IReadOnlySet<string> Encoders { get; } =
        new HashSet<string>
        {
            "albert", "bert", "camembert", "deberta-v2", "distilbert", "electra", "modernbert", "mpnet", "roberta", "xlm-roberta"
        };

    public static string FolderOf(string name) =>
        new[] { Root, Variants, VersionFive }.Select(root => Path.Combine(root, name)).First(Directory.Exists);

    public string Folder { get; }

    public ITransformerModel Model { get; }

    public TokenBatch Batch { get; }

    /// <summary>The stored loss as weighted targets: it is Σ weight · log-probability, with weights −1/n.</summary>
    public IReadOnlyList<Target> Targets { get; }

    public IEnumerable<string> NamesOf(string prefix) =>
        _tensors.Keys.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)).Select(name => name[prefix.Length..]);

    public IReadOnlyList<long> ShapeOf(string name) => _tensors[name].Shape;

    public bool Has(string name) => _tensors.ContainsKey(name);

    public float[] Singles(string name)
    {
        var tensor = _tensors[name];
        var bytes = new byte[tensor.ByteLength];
        _file.Read(tensor.Offset, bytes);
        var values = new float[tensor.ElementCount];
        ElementConversion.ToSingle(tensor.DType, bytes, values);
        return values;
    }

    public void Dispose()
    {
        Model.Dispose();
        _file.Dispose();
    }

    private long[] Integers(string name)
    {
        var tensor = _tensors[name];
        Assert.Equal(DType.I64, tensor.DType);
        var bytes = new byte[tensor.ByteLength];
        _file.Read(tensor.Offset, bytes);
        return MemoryMarshal.Cast<byte, long>(bytes).ToArray();
    }

    private TokenBatch ReadBatch()
    {
        var length = (int)_tensors["input_ids"].Shape[1];
        var ids = Integers("input_ids").Select(id => (int)id).Chunk(length).ToArray();
        if (!Has("attention_mask"))
            return TokenBatch.Of(ids);
        var masks = Integers("attention_mask").Select(flag => flag == 1).Chunk(length).ToArray();
        return new TokenBatch([.. ids.Select((row, i) => new TokenSequence(row) { Attended = masks[i] })]);
    }

    private List<Target> ReadTargets()
    {
        var targets = new List<Target>();
        if (!Has("labels"))
        {
            for (var sequence = 0; sequence < Batch.Sequences.Count; sequence++)
                for (var position = 1; position < Batch.Sequences[sequence].Ids.Count; position++)
                    targets.Add(new Target(sequence, position - 1, Batch.Sequences[sequence].Ids[position]));
        }
        else
        {
            var labels = Integers("labels");
            var perSequence = labels.Length / Batch.Sequences.Count;
            for (var i = 0; i < labels.Length; i++)
                if (labels[i] != -100)
                    targets.Add(new Target(i / perSequence, i % perSequence, (int)labels[i]));
        }

        return [.. targets.Select(target => target with { Weight = -1.0 / targets.Count })];
    }
}
