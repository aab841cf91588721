using System.Reflection;
using System.Runtime.Loader;

namespace MergeTasks.Sources.Packages;

/// <summary>
/// Finds the NuGet client in the SDK's folder, whichever version the running SDK has. MSBuild looks there too, but for the version that
/// this assembly was compiled against.
/// </summary>
internal static class SdkAssemblies
{
    private static readonly Lock Gate = new();
    private static string? _folder;

    /// <summary>Makes assemblies of the SDK loadable by their names.</summary>
    /// <param name="folder">The SDK's folder; <see langword="null"/> where the process is the SDK's own.</param>
    public static void LoadFrom(string? folder)
    {
        lock (Gate)
        {
            if (_folder is not null)
                return;
            _folder = folder ?? AppContext.BaseDirectory;
            AssemblyLoadContext.GetLoadContext(typeof(SdkAssemblies).Assembly)!.Resolving += Resolve;
        }
    }

    private static Assembly? Resolve(AssemblyLoadContext context, AssemblyName name)
    {
        if (name.Name is not { } simple || !(simple.StartsWith("NuGet.", StringComparison.Ordinal) || simple == "Newtonsoft.Json"))
            return null;
        var path = Path.Combine(_folder!, simple + ".dll");
        return File.Exists(path) ? AssemblyLoadContext.Default.LoadFromAssemblyPath(path) : null;
    }
}
