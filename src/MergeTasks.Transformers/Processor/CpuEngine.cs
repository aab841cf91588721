using System.Runtime.Intrinsics;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Families;
using MergeTasks.Transformers.Parameters;

namespace MergeTasks.Transformers.Processor;

/// <summary>Runs models on the processor in fp32, weights converted from their own element type as they are read.</summary>
internal sealed class CpuEngine : ITransformerEngine
{
    private readonly EngineOptions _options;

    /// <summary>An engine.</summary>
    public CpuEngine(EngineOptions? options = null)
    {
        _options = options ?? new EngineOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.Threads, 1, nameof(options));
    }

    /// <summary>The values of <c>model_type</c> that the engine runs.</summary>
    public static IReadOnlyList<string> Families => KnownFamilies.ModelTypes;

    /// <inheritdoc/>
    public string NumericsVersion { get; } =
        $"cpu-3-{(Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : 128)}";

    /// <summary>Checks that a configuration is one that the engine runs; reads no weights.</summary>
    /// <param name="configuration">The text of <c>config.json</c>.</param>
    /// <param name="path">Its path, for messages.</param>
    /// <exception cref="ModelException">It is not.</exception>
    public static void CheckConfiguration(ReadOnlyMemory<byte> configuration, string path) =>
        KnownFamilies.Describe(ConfigReader.Parse(configuration, path));

    /// <summary>Describes a model from its configuration and the types and shapes of its tensors; its weights need not exist yet.</summary>
    /// <param name="configuration">The text of <c>config.json</c>.</param>
    /// <param name="folder">The model's folder, for messages.</param>
    /// <param name="tensors">All tensors of the checkpoint.</param>
    /// <exception cref="ModelException">The engine does not run it, or the tensors do not fit it.</exception>
    public static ModelDescription Describe(ReadOnlyMemory<byte> configuration, string folder, IEnumerable<TensorSpec> tensors)
    {
        var config = ConfigReader.Parse(configuration, Path.Combine(folder, ModelConfig.FileName));
        var values = tensors.ToDictionary(
            tensor => tensor.Name, tensor => ParameterValue.WithoutElements(tensor.DType, tensor.Shape), StringComparer.Ordinal);
        using var model = new CpuModel(
            KnownFamilies.Describe(config), ModelIdentity.Read(config, folder), values, null, new EngineOptions());
        return model.Description;
    }

    /// <inheritdoc/>
    public ITransformerModel Load(string folder)
    {
        var config = ConfigReader.Parse(ModelConfig.Read(folder).Text, Path.Combine(folder, ModelConfig.FileName));
        var spec = KnownFamilies.Describe(config);
        var source = MappedModel.Open(folder);
        try
        {
            return new CpuModel(spec, ModelIdentity.Read(config, folder), source.Values, source, _options);
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
        return new CpuModel(KnownFamilies.Describe(config), ModelIdentity.Read(config, folder), tensors, null, _options);
    }
}
