using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Transformers.Parameters;

/// <summary>A checkpoint's tensors as parameter values, mapped for as long as this object lives.</summary>
internal sealed class MappedModel : IDisposable
{
    private readonly Checkpoint _checkpoint;
    private readonly MappedWeights _map;

    private MappedModel(Checkpoint checkpoint)
    {
        _checkpoint = checkpoint;
        _map = new MappedWeights(checkpoint);
        Values = checkpoint.Names.ToDictionary(
            name => name, name => ParameterValue.FromMap(_map, checkpoint.Find(name)!), StringComparer.Ordinal);
    }

    /// <summary>Every tensor by name.</summary>
    public IReadOnlyDictionary<string, ParameterValue> Values { get; }

    /// <summary>Opens and maps a model folder's weights.</summary>
    /// <exception cref="CheckpointException">The files cannot be read or are malformed.</exception>
    public static MappedModel Open(string folder)
    {
        var checkpoint = Checkpoint.Open(folder);
        try
        {
            return new MappedModel(checkpoint);
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _map.Dispose();
        _checkpoint.Dispose();
    }
}
