using System.Runtime.InteropServices;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Devices;
using MergeTasks.Merging.Devices.Elf;
using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Torch.Libraries;

/// <summary>
/// Loads libtorch where the host does not find it by itself, as in a build: by full path, each library after those that it needs. What
/// TorchSharp loads by name afterwards is then found loaded.
/// </summary>
internal static class TorchLibraries
{
    private const string Own = "LibTorchSharp";

    private static readonly string[] Processor = ["c10", "torch_cpu"];
    private static readonly string[] Cuda = ["c10", "torch_cpu", "c10_cuda", "torch_cuda"];

    private static readonly Dictionary<string, nint> Loaded = [];

    // The file of that name beside TorchSharp's assembly may be one that the loader does not take (LoadableLibrary).
    static TorchLibraries() => NativeLibrary.SetDllImportResolver(typeof(torch).Assembly, (name, _, _) =>
    {
        lock (Loaded)
            return name == Own ? Loaded.GetValueOrDefault(OwnPath()) : 0;
    });

    /// <summary>Loads the libraries that a device needs, unless that has been done.</summary>
    /// <param name="options">The device, and the one folder that holds them all: they look for each other beside themselves. It is written
    /// to.</param>
    /// <exception cref="DiagnosticException"><see cref="DiagnosticCode.DeviceLibraries"/>.</exception>
    public static void Load(DeviceOptions options)
    {
        ThreadPolicy.Set(options.Threads);
        if (options.LibraryFolders is not [var folder])
            return;

        lock (Loaded)
        {
            // "torch" only refers to the others, and not every build of libtorch has it; the last is TorchSharp's own.
            foreach (var name in options.Kind == DeviceKind.Cuda ? Cuda : Processor)
                Load(Path.Combine(folder, FileName(name)), folder);
            if (File.Exists(Path.Combine(folder, FileName("torch"))))
                Load(Path.Combine(folder, FileName("torch")), folder);
            Load(OwnPath(), folder);
        }

        if (options.Kind == DeviceKind.Cuda && !cuda.is_available())
            throw Fault(
                $"they find no CUDA device that they can use, although NVIDIA's driver has {new CudaDriver().Find().Count}. Most often "
                    + "the driver is too old for the CUDA that libtorch was built for, which its package's name has ('nvidia-smi' shows "
                    + "the newest that the driver takes)");
    }

    // Beside the assembly in the package, in a folder for its platform where it was restored for a program.
    private static string OwnPath()
    {
        var beside = Path.GetDirectoryName(typeof(TorchLibraries).Assembly.Location)!;
        var path = Path.Combine(beside, FileName(Own));
        return File.Exists(path) ? path : Path.Combine(beside, "runtimes", TorchPackages.Platform, "native", FileName(Own));
    }

    private static string FileName(string name) =>
        OperatingSystem.IsWindows() ? $"{name}.dll" : OperatingSystem.IsMacOS() ? $"lib{name}.dylib" : $"lib{name}.so";

    private static void Load(string path, string folder)
    {
        if (!File.Exists(path))
            throw Fault($"'{path}' is missing");
        if (Loaded.ContainsKey(path))
            return;
        var loadable = path;
        try
        {
            if (OperatingSystem.IsLinux())
                loadable = LoadableLibrary.Of(path, folder, SystemLibrary.Find);
            if (loadable != path)
                InitializeStreams();
            Loaded.Add(path, NativeLibrary.Load(loadable));
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            var absent = OperatingSystem.IsLinux() ? LoadableLibrary.Absent(path) : [];
            throw Fault(
                absent.Count > 0 ? $"'{path}' needs {string.Join(", ", absent)}, which this machine does not have" : LoadersWords(e));
        }
        finally
        {
            if (loadable != path)
                File.Delete(loadable);
        }
    }

    // The runtime's advice comes first, then the loader's own words.
    private static string LoadersWords(Exception e)
    {
        var lines = e.Message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return string.Join(" ", lines.Skip(lines.Length > 1 ? 1 : 0)).TrimEnd('.');
    }

    // What libstdc++ does by itself from the version on that the copy does without: std::ios_base::Init::Init() of an object that is never
    // destroyed.
    private static unsafe void InitializeStreams()
    {
        var function = NativeLibrary.GetExport(NativeLibrary.Load("libstdc++.so.6"), "_ZNSt8ios_base4InitC1Ev");
        ((delegate* unmanaged<void*, void>)function)(NativeMemory.Alloc(1));
    }

    private static DiagnosticException Fault(string reason) =>
        new(
            new Diagnostic(
                DiagnosticCode.DeviceLibraries,
                $"The libraries of libtorch cannot be used: {reason}. MergeDevice=cpu runs models on the built-in engine.",
                null));
}
