using MergeTasks.Language.Diagnostics;
using MergeTasks.Numerics.Algebra;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Merging.Devices;

/// <summary>
/// The entry of an assembly that runs models on a device, which the build loads by name: a class <see cref="TypeName"/> without
/// parameters in an assembly <see cref="AssemblyName"/> beside the tasks.
/// </summary>
internal interface IDeviceProvider
{
    /// <summary>Name of the assembly.</summary>
    const string AssemblyName = "MergeTasks.Torch";

    /// <summary>Full name of the class.</summary>
    const string TypeName = "MergeTasks.Torch.DeviceProvider";

    /// <summary>Loads the native libraries and makes an engine.</summary>
    /// <param name="options">The device, and the folder with the libraries.</param>
    /// <exception cref="DiagnosticException"><see cref="DiagnosticCode.DeviceLibraries"/>: they cannot be loaded.</exception>
    ITransformerEngine CreateEngine(DeviceOptions options);

    /// <summary>Loads the native libraries and makes what whole matrices are computed with.</summary>
    /// <param name="options">The device, and the folder with the libraries.</param>
    /// <exception cref="DiagnosticException"><see cref="DiagnosticCode.DeviceLibraries"/>: they cannot be loaded.</exception>
    IMatrixDevice CreateMatrixDevice(DeviceOptions options);
}
