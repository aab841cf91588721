using System.Globalization;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Merging.Devices;

/// <summary>The device on which the TorchSharp engine runs models, and where its native libraries lie.</summary>
/// <param name="Kind">What kind of device.</param>
/// <param name="Index">Which of several CUDA devices, from 0.</param>
/// <param name="Precision">How matrices are multiplied.</param>
/// <param name="LibraryFolders">Full paths of the folders with libtorch's libraries.</param>
internal sealed record DeviceChoice(DeviceKind Kind, int Index, DevicePrecision Precision, IReadOnlyList<string> LibraryFolders)
{
    /// <summary>Most bytes for weights that stay on the device; <see langword="null"/>: most of what is free.</summary>
    public long? MemoryBytes { get; init; }

    /// <summary>As a project file names it.</summary>
    public string Name => Kind == DeviceKind.Cuda ? string.Create(CultureInfo.InvariantCulture, $"cuda:{Index}") : "torch-cpu";

    /// <summary>The engine's options.</summary>
    /// <param name="threads">Most threads of the processor; 0 for one per core.</param>
    public DeviceOptions ToOptions(int threads)
    {
        var options = new DeviceOptions
        {
            Kind = Kind,
            Index = Index,
            Precision = Precision,
            LibraryFolders = LibraryFolders,
            MemoryBytes = MemoryBytes
        };
        return threads > 0 ? options with { Threads = threads } : options;
    }
}
