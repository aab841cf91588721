using System.Runtime.InteropServices;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Torch.Libraries;

/// <summary>
/// Loads libtorch where the host does not find it by itself, as in a build: by full path, each library after those that it needs. What
/// TorchSharp loads by name afterwards is then found loaded.
/// </summary>
internal static class TorchLibraries
{
    private static readonly string[] Processor = ["c10", "torch_cpu"];
    private static readonly string[] Cuda = ["c10", "torch_cpu", "c10_cuda", "torch_cuda"];

    /// <summary>Loads the libraries that a device needs, unless that has been done.</summary>
    /// <param name="options">The device, and the one folder that holds them all: they look for each other beside themselves.</param>
    /// <exception cref="DiagnosticException"><see cref="DiagnosticCode.DeviceLibraries"/>.</exception>
    public static void Load(DeviceOptions options)
    {
        if (options.LibraryFolders is not [var folder])
            return;

        // "torch" only refers to the others, and not every build of libtorch has it; the last is TorchSharp's own.
        foreach (var name in options.Kind == DeviceKind.Cuda ? Cuda : Processor)
            Load(Path.Combine(folder, FileName(name)));
        if (File.Exists(Path.Combine(folder, FileName("torch"))))
            Load(Path.Combine(folder, FileName("torch")));
        Load(Path.Combine(Path.GetDirectoryName(typeof(TorchLibraries).Assembly.Location)!, FileName("LibTorchSharp")));
    }

    private static string FileName(string name) =>
        OperatingSystem.IsWindows() ? $"{name}.dll" : OperatingSystem.IsMacOS() ? $"lib{name}.dylib" : $"lib{name}.so";

    private static void Load(string path)
    {
        if (!File.Exists(path))
            throw Fault($"'{path}' is missing");
        try
        {
            NativeLibrary.Load(path);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            // The runtime's advice comes first, then the loader's own words.
            var lines = e.Message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            throw Fault(string.Join(" ", lines.Skip(lines.Length > 1 ? 1 : 0)));
        }
    }

    private static DiagnosticException Fault(string reason) =>
        new(new Diagnostic(DiagnosticCode.DeviceLibraries, $"The libraries of libtorch cannot be loaded: {reason}", null));
}
