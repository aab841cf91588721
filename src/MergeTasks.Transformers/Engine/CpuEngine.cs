using System.Runtime.Intrinsics;
using MergeTasks.Checkpoints;
using MergeTasks.Transformers.Configuration;
using MergeTasks.Transformers.Families;
using MergeTasks.Transformers.Parameters;

namespace MergeTasks.Transformers;

/// <summary>Runs models on the processor in fp32, weights converted from their own element type as they are read.</summary>
public sealed class CpuEngine : ITransformerEngine
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
        $"cpu-1-{(Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : 128)}";

    /// <summary>Checks that a configuration is one that the engine runs; reads no weights.</summary>
    /// <param name="configuration">The text of <c>config.json</c>.</param>
    /// <param name="path">Its path, for messages.</param>
    /// <exception cref="ModelException">It is not.</exception>
    public static void CheckConfiguration(ReadOnlyMemory<byte> configuration, string path) =>
        KnownFamilies.Describe(ConfigReader.Parse(configuration, path));

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
}
