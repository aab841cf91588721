#if WITH_TORCH
using System.Reflection;
using MergeTasks.Merging.Devices;
using MergeTasks.Torch.Libraries;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.TestSupport;

/// <summary>libtorch in a process of tests: from NuGet's folder, as in a build, and not from a copy beside every project's tests.</summary>
internal static class LibTorch
{
    /// <summary>Loads it, before anything of TorchSharp is used.</summary>
    public static void Load()
    {
        // What is made there is needed while the libraries are loaded, and not afterwards.
        using var folder = new TempFolder();
        var packages = TorchPackages.Read(Built("AssetsFile"));
        var kind = packages.CudaFolders.Count > 0 && new CudaDriver().Find().Count > 0 ? DeviceKind.Cuda : DeviceKind.Processor;
        TorchLibraries.Load(
            new DeviceOptions
            {
                Kind = kind,
                LibraryFolders = [LinkedFolder.Of(packages.CpuFolders.Concat(packages.CudaFolders), folder.Path)]
            });
    }

    /// <summary>The version that the tests were built for.</summary>
    public static Version Version => Version.Parse(Built("LibTorchVersion"));

    private static string Built(string name) =>
        typeof(LibTorch).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == name).Value!;
}
#endif
