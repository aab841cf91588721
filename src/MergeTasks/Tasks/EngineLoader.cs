using System.Reflection;
using System.Runtime.Loader;
using MergeTasks.Files;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Devices;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Tasks;

/// <summary>Loads the engine for devices from the assembly that lies beside this one in its package.</summary>
internal static class EngineLoader
{
    /// <summary>Makes the engine, or what else the assembly provides.</summary>
    /// <param name="options">The device, and the folders with its libraries.</param>
    /// <param name="cacheFolder">The user's cache folder, where these are linked into one.</param>
    /// <param name="create">Makes it.</param>
    /// <exception cref="DiagnosticException"><see cref="DiagnosticCode.DeviceLibraries"/>.</exception>
    public static T Load<T>(DeviceOptions options, string cacheFolder, Func<IDeviceProvider, DeviceOptions, T> create)
    {
        try
        {
            var own = typeof(EngineLoader).Assembly;
            var path = Path.Combine(Path.GetDirectoryName(own.Location)!, IDeviceProvider.AssemblyName + ".dll");
            var type =
                AssemblyLoadContext.GetLoadContext(own)!.LoadFromAssemblyPath(path).GetType(IDeviceProvider.TypeName, throwOnError: true)!;
            var provider = (IDeviceProvider)Activator.CreateInstance(type)!;
            if (TorchPackages.InParts(options.LibraryFolders) is { } part)
                throw Fault(
                    $"'{part}' is only the beginning of a library. Its package joins it with the others when a project is built; if that "
                        + "failed, the build's output says why.");
            return create(provider, options with { LibraryFolders = [LinkedFolder.Of(options.LibraryFolders, cacheFolder)] });
        }
        catch (Exception e) when (FileFault.Covers(e) || e is BadImageFormatException or TypeLoadException or InvalidCastException)
        {
            throw Fault(e.Message);
        }
        catch (TargetInvocationException e)
        {
            throw Fault(e.InnerException!.Message);
        }
    }

    private static DiagnosticException Fault(string reason) =>
        new(
            new Diagnostic(
                DiagnosticCode.DeviceLibraries,
                $"The engine for devices cannot be loaded: {reason.TrimEnd('.')}. MergeDevice=cpu runs models on the built-in engine.",
                null));
}
