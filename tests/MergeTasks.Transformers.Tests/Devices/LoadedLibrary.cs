#if WITH_TORCH
using System.Runtime.InteropServices;
using MergeTasks.Merging.Devices;
using MergeTasks.TestSupport;

namespace MergeTasks.Transformers.Tests.Devices;

/// <summary>Which libtorch these tests run on.</summary>
public sealed unsafe class LoadedLibrary(ITestOutputHelper output)
{
    [Fact]
    public void It_has_the_version_that_is_pinned()
    {
        // Major, minor and patch number are the upper three bytes.
        var library = NativeLibrary.Load(
            OperatingSystem.IsWindows() ? "torch_cpu.dll" : OperatingSystem.IsMacOS() ? "libtorch_cpu.dylib" : "libtorch_cpu.so");
        var version = ((delegate* unmanaged<ulong>)NativeLibrary.GetExport(library, "aoti_torch_abi_version"))();
        var loaded = new Version((int)(version >> 56), (int)(version >> 48 & 0xFF), (int)(version >> 40 & 0xFF));
        output.WriteLine($"Loaded: libtorch {loaded} for {TorchPackages.Platform}");
        Assert.Equal(LibTorch.Version, loaded);
    }

    [Fact]
    public void It_is_loaded_from_NuGets_folder_and_not_copied()
    {
        Assert.Empty(Directory.EnumerateFiles(AppContext.BaseDirectory, "*torch_cpu*", SearchOption.AllDirectories));
        if (OperatingSystem.IsLinux())
            Assert.Contains(
                File.ReadLines("/proc/self/maps"),
                line =>
                    line.EndsWith(
                        $"/{LibTorch.Version}/runtimes/{TorchPackages.Platform}/native/libtorch_cpu.so", StringComparison.Ordinal));
    }
}
#endif
