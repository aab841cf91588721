using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Merging.Devices;

/// <summary>
/// Chooses where a project's models run, from what it asks for and what is there: the package, NVIDIA's driver, a device.
/// </summary>
/// <param name="projectFile">Full path of the project file, for messages.</param>
/// <param name="hasEngine">Whether the project has the package with the TorchSharp engine.</param>
/// <param name="packages">Finds the packages with libtorch.</param>
/// <param name="driver">Finds CUDA devices.</param>
internal sealed class DeviceChooser(string projectFile, bool hasEngine, Func<TorchPackages> packages, ICudaDriver driver)
{
    private static string CudaPackage => OperatingSystem.IsWindows() ? "TorchSharp-cuda-windows" : "TorchSharp-cuda-linux";

    /// <summary>Chooses.</summary>
    /// <param name="request">What the project asks for.</param>
    /// <returns>The device, or <see langword="null"/> for the built-in engine; and why, for the log.</returns>
    /// <exception cref="DiagnosticException"><see cref="DiagnosticCode.DeviceMissing"/>: what was asked for by name is not
    /// there.</exception>
    public (DeviceChoice? Device, string Reason) Choose(DeviceRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.Demand == DeviceDemand.Cpu)
            return (null, "models run on the built-in engine, as MergeDevice says");
        var found = hasEngine ? packages() : TorchPackages.None;
        var missing = request.Demand == DeviceDemand.TorchCpu ? MissingForProcessor(found) : MissingForCuda(request, found);
        if (missing is null)
        {
            var device = request.Demand == DeviceDemand.TorchCpu
                ? new DeviceChoice(
                    DeviceKind.Processor, 0, request.Precision, found.CpuFolders.Count > 0 ? found.CpuFolders : found.CudaFolders)
                : new DeviceChoice(DeviceKind.Cuda, request.Index, request.Precision, found.CudaFolders);
            return (device with { MemoryBytes = request.MemoryBytes }, $"models run on {device.Name}");
        }

        if (request.Demand == DeviceDemand.Auto)
            return (null, $"models run on the built-in engine, because {missing}");
        throw new DiagnosticException(DiagnosticCode.DeviceMissing,
            $"MergeDevice is '{request.Device}', but {missing}. MergeDevice=cpu runs models on the built-in engine.",
            ProjectFile.FindProperty(projectFile, DeviceRequest.DeviceProperty));
    }

    private string? MissingForProcessor(TorchPackages found) =>
        !hasEngine ? NoEngine
        : found.CpuFolders.Count + found.CudaFolders.Count == 0 ? NoLibraries("libtorch", $"libtorch-cpu-{TorchPackages.Platform}")
        : null;

    private string? MissingForCuda(DeviceRequest request, TorchPackages found)
    {
        if (!hasEngine)
            return NoEngine;
        if (found.CudaFolders.Count == 0)
            return NoLibraries("libtorch for CUDA", CudaPackage);
        var devices = driver.Find();
        if (devices.Fault is { } fault)
            return $"NVIDIA's driver is missing or does not work: {fault}";
        if (devices.Count == 0)
            return "there is no CUDA device: NVIDIA's driver finds none";
        return request.Index < devices.Count ? null
            : $"there is no CUDA device of that number: NVIDIA's driver finds {devices.Count}, from cuda:0 to cuda:{devices.Count - 1}";
    }

    private static string NoEngine => "the package MergeTasks.Torch is missing: the project has no PackageReference to it";

    private static string NoLibraries(string what, string package) =>
        !TorchPackages.Platforms.Contains(TorchPackages.Platform)
            ? $"TorchSharp has no libraries for {TorchPackages.Platform}, only for {string.Join(", ", TorchPackages.Platforms)}"
        : $"a package with {what} for {TorchPackages.Platform} is missing: the project has no PackageReference to {package}, or is not "
            + "restored";
}
