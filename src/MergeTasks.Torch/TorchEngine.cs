using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Torch.Engine;
using MergeTasks.Torch.Running;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Families;
using MergeTasks.Transformers.Parameters;
using MergeTasks.Transformers.Processor;

namespace MergeTasks.Torch;

/// <summary>
/// Runs the models that <see cref="CpuEngine"/> runs, from the same descriptions of families, with TorchSharp on a device. Weights stay on
/// the device in their own element type as far as its memory allows; the others come layer by layer. Batches run in parts where they do
/// not fit. Neither changes results beyond the last bits. Models of one engine share the device; calls may not overlap.
/// </summary>
internal sealed class TorchEngine : ITransformerEngine, IDisposable
{
    private readonly DeviceOptions _options;
    private readonly DeviceRuntime _runtime;

    /// <summary>Takes a device into use.</summary>
    /// <exception cref="ModelException"><see cref="ModelError.NoDevice"/>: libtorch cannot be loaded, or has no such device.</exception>
    public TorchEngine(DeviceOptions? options = null)
    {
        _options = options ?? new DeviceOptions();
        _runtime = new DeviceRuntime(_options);
    }

    /// <summary>Whether libtorch finds a CUDA device; loads it.</summary>
    public static bool FindsCuda => TorchRuntime.FindsCuda();

    /// <inheritdoc/>
    public string NumericsVersion => _options.NumericsVersion;

    /// <summary>What the models share.</summary>
    internal DeviceRuntime Runtime => _runtime;

    /// <inheritdoc/>
    public ITransformerModel Load(string folder)
    {
        var config = ConfigReader.Parse(ModelConfig.Read(folder).Text, Path.Combine(folder, ModelConfig.FileName));
        var spec = KnownFamilies.Describe(config);
        var source = MappedModel.Open(folder);
        try
        {
            var described = new CpuModel(spec, ModelIdentity.Read(config, folder), source.Values, null, new EngineOptions());
            return new DeviceModel(spec, folder, described, _runtime, source);
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public ITransformerModel Load(
        string folder, ReadOnlyMemory<byte> configuration, IReadOnlyDictionary<string, ParameterValue> tensors)
    {
        var config = ConfigReader.Parse(configuration, Path.Combine(folder, ModelConfig.FileName));
        var spec = KnownFamilies.Describe(config);
        var described = new CpuModel(spec, ModelIdentity.Read(config, folder), tensors, null, new EngineOptions());
        return new DeviceModel(spec, folder, described, _runtime, null);
    }

    /// <inheritdoc/>
    public void Dispose() => _runtime.Dispose();
}
