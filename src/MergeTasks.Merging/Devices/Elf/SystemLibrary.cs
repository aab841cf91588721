using System.Diagnostics;
using System.Runtime.InteropServices;
using MergeTasks.Files;

namespace MergeTasks.Merging.Devices.Elf;

/// <summary>A library of this machine.</summary>
/// <param name="Path">Full path.</param>
/// <param name="Versions">The versions that it has.</param>
internal sealed record SystemLibrary(string Path, IReadOnlyList<string> Versions)
{
    /// <summary>The library that this process gets for a name; it stays loaded.</summary>
    /// <param name="name">Such as <c>libstdc++.so.6</c>.</param>
    /// <returns><see langword="null"/> where there is none or its file cannot be read.</returns>
    public static SystemLibrary? Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (!OperatingSystem.IsLinux() || !NativeLibrary.TryLoad(name, out _))
            return null;
        try
        {
            // The loader tells no path, and the file of a name often has a longer one.
            var stem = name.Split(".so")[0];
            using var process = Process.GetCurrentProcess();
            var mapped = process.Modules.Cast<ProcessModule>().Select(module => module.FileName).Where(File.Exists).Distinct().ToList();
            foreach (var path in mapped.Where(path => System.IO.Path.GetFileName(path).StartsWith(stem, StringComparison.Ordinal)))
            {
                using var library = ElfLibrary.Open(path);
                if (library.Name == name)
                    return new SystemLibrary(path, library.Versions);
            }
        }
        catch (Exception e) when (e is InvalidDataException || FileFault.Covers(e))
        {
            // What is not known is left to the loader.
        }

        return null;
    }
}
