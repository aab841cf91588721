using MergeTasks.Gguf.Reading;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Processor;

namespace MergeTasks.Gguf.Tests;

/// <summary>A GGUF file as the built-in engine runs it.</summary>
internal sealed class ReadModel : IDisposable
{
    private readonly List<ParameterValue> _values = [];

    public ReadModel(string path, long residentBytes = long.MaxValue)
    {
        Checkpoint = GgufCheckpoint.Open(path);
        var values = Checkpoint.Names.ToDictionary(tensor => tensor, tensor => ParameterValue.Computed(
            Checkpoint.Find(tensor)!.Shape, () => Checkpoint.NewReader(tensor).Read));
        _values.AddRange(values.Values);
        Engine = new CpuEngine(new EngineOptions { Threads = 1, ResidentBytes = residentBytes })
            .Load(path, Checkpoint.Config, values);
    }

    public GgufCheckpoint Checkpoint { get; }

    public ITransformerModel Engine { get; }

    public void Dispose()
    {
        Engine.Dispose();
        foreach (var value in _values)
            value.Release();
        Checkpoint.Dispose();
    }
}
