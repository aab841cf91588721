using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Devices;

namespace MergeTasks.Tasks;

/// <summary>What a project says of the device that runs models.</summary>
internal sealed class DeviceSettings(GatheredProperties project)
{
    /// <summary>Full path of the task assembly in the package with the engine for devices; empty without that package.</summary>
    public string TaskAssembly => project[ProjectProperties.DeviceTaskAssembly];

    /// <summary>Full path of NuGet's list of the project's packages.</summary>
    public string AssetsFile => project[ProjectProperties.AssetsFile];

    /// <summary>Reads what is asked for.</summary>
    /// <exception cref="DiagnosticException">It is unknown.</exception>
    public DeviceRequest Read() => DeviceRequest.Parse(
        project[ProjectProperties.Device],
        project[ProjectProperties.DevicePrecision],
        project[ProjectProperties.DeviceArithmetic],
        project[ProjectProperties.DeviceMemory],
        project.ProjectFile);

    /// <summary>Chooses the device on this machine.</summary>
    /// <exception cref="DiagnosticException">It is not there.</exception>
    public (DeviceChoice? Device, string Reason) Choose(DeviceRequest request) =>
        new DeviceChooser(project.ProjectFile, TaskAssembly.Length > 0, () => TorchPackages.Read(AssetsFile), new CudaDriver())
            .Choose(request);
}
