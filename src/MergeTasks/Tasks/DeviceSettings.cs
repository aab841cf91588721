using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Devices;
using Microsoft.Build.Framework;

namespace MergeTasks.Tasks;

/// <summary>What a project says of the device that runs models.</summary>
internal sealed class DeviceSettings(ITaskItem[] items)
{
    /// <summary>Full path of the task assembly in the package with the engine for devices; empty without that package.</summary>
    public string TaskAssembly => this["TaskAssembly"];

    /// <summary>Full path of NuGet's list of the project's packages.</summary>
    public string AssetsFile => this["AssetsFile"];

    private string this[string name] => items.FirstOrDefault(item => item.ItemSpec == name)?.GetMetadata("Value") ?? "";

    /// <summary>Reads what is asked for.</summary>
    /// <exception cref="DiagnosticException">It is unknown.</exception>
    public DeviceRequest Read(string projectFile) => DeviceRequest.Parse(this["Device"], this["Precision"], this["Arithmetic"], this["Memory"], projectFile);

    /// <summary>Chooses the device on this machine.</summary>
    /// <exception cref="DiagnosticException">It is not there.</exception>
    public (DeviceChoice? Device, string Reason) Choose(DeviceRequest request, string projectFile) =>
        new DeviceChooser(projectFile, TaskAssembly.Length > 0, () => TorchPackages.Read(AssetsFile), new CudaDriver()).Choose(request);
}
