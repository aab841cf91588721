using MergeTasks.Transformers.Engine;

namespace MergeTasks.Merging.Devices;

/// <summary>An engine whose version is known, so that it can be planned for, and that is only made when a model is to run.</summary>
/// <param name="version">Its <see cref="ITransformerEngine.NumericsVersion"/>.</param>
/// <param name="create">Makes it.</param>
internal sealed class DeferredEngine(string version, Func<ITransformerEngine> create) : ITransformerEngine
{
    private readonly Lazy<ITransformerEngine> _engine = new(() =>
    {
        var engine = create();

        // Scores under another engine's key would be believed for good.
        return engine.NumericsVersion == version ? engine
            : throw new InvalidOperationException(
                $"The engine calls its arithmetic '{engine.NumericsVersion}', and it was planned for '{version}'.");
    });

    /// <inheritdoc/>
    public string NumericsVersion => version;

    /// <inheritdoc/>
    public ITransformerModel Load(string folder) => _engine.Value.Load(folder);

    /// <inheritdoc/>
    public ITransformerModel Load(
        string folder, ReadOnlyMemory<byte> configuration, IReadOnlyDictionary<string, ParameterValue> tensors) =>
        _engine.Value.Load(folder, configuration, tensors);
}
