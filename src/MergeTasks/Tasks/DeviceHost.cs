using MergeTasks.Caching;
using MergeTasks.Files.Json;
using MergeTasks.Merging.Devices;
using MergeTasks.Numerics.Algebra;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Tasks;

/// <summary>
/// The device that runs models, and the copy of the tasks that lies beside its engine; MSBuild runs that copy in a process of its own.
/// </summary>
/// <param name="TaskAssembly">Full path of that copy.</param>
/// <param name="Device">The device.</param>
/// <param name="ComputesMatrices">Whether methods on whole matrices compute on it too.</param>
internal sealed record DeviceHost(string TaskAssembly, DeviceChoice Device, bool ComputesMatrices)
{
    /// <summary>Full path of the file, in a folder for generated files, that says it to the phases of generated projects.</summary>
    public static string PathIn(string folder) => Path.Combine(folder, "device.json");

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <param name="path">Full path; empty for the built-in engine.</param>
    public static DeviceHost? Read(string path) => path.Length == 0 ? null : GeneratedProjects.ReadRecord<DeviceHost>(path);

    /// <summary>Writes it down, unless that has been done.</summary>
    public void Write(string path) => AtomicFile.WriteIfDifferent(path, RecordFile.ToBytes(this));

    /// <summary>
    /// The device's engine, which is loaded when a model is to run; that must be in a task of <see cref="TaskAssembly"/>.
    /// </summary>
    /// <param name="threads">Most threads of the processor; 0 for one per core.</param>
    /// <param name="cacheFolder">The user's cache folder.</param>
    /// <param name="told">Hears what the engine had to do otherwise than usual.</param>
    public ITransformerEngine Engine(int threads, string cacheFolder, Action<string>? told = null)
    {
        var options = Device.ToOptions(threads) with { Told = told };
        return new DeferredEngine(
            options.NumericsVersion, () => EngineLoader.Load(options, cacheFolder, (provider, own) => provider.CreateEngine(own)));
    }

    /// <summary>
    /// What whole matrices are computed with on the device, loaded as the engine is; <see langword="null"/> where they stay on the
    /// processor.
    /// </summary>
    /// <param name="threads">Most threads of the processor; 0 for one per core.</param>
    /// <param name="cacheFolder">The user's cache folder.</param>
    /// <param name="told">Hears what had to be done otherwise than usual.</param>
    public IMatrixDevice? Matrices(int threads, string cacheFolder, Action<string>? told = null)
    {
        if (!ComputesMatrices)
            return null;
        var options = Device.ToOptions(threads) with { Told = told };
        return new DeferredMatrixDevice(
            options.MatrixNumericsVersion,
            () => EngineLoader.Load(options, cacheFolder, (provider, own) => provider.CreateMatrixDevice(own)));
    }
}
