using System.Reflection;
using System.Runtime.Loader;
using MergeTasks.Merging.Devices;
using MergeTasks.Merging.Diagnostics;
using MergeTasks.Transformers;

namespace MergeTasks;

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
            var provider = (IDeviceProvider)Activator.CreateInstance(AssemblyLoadContext.GetLoadContext(own)!.LoadFromAssemblyPath(path).GetType(IDeviceProvider.TypeName, throwOnError: true)!)!;
            return create(provider, options with { LibraryFolders = [LinkedFolder.Of(options.LibraryFolders, cacheFolder)] });
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or BadImageFormatException or TypeLoadException or InvalidCastException)
        {
            throw Fault(e);
        }
        catch (TargetInvocationException e)
        {
            throw Fault(e.InnerException!);
        }
    }

    private static DiagnosticException Fault(Exception e) =>
        new(new Diagnostic(DiagnosticCode.DeviceLibraries, $"The engine for devices cannot be loaded: {e.Message}", null));
}
