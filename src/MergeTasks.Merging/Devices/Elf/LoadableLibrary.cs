using System.Runtime.InteropServices;
using MergeTasks.Files;
using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Merging.Devices.Elf;

/// <summary>
/// Libraries that need versions of others which this machine's do not have. The loader refuses them all, even where nothing in them refers
/// to a symbol of such a version: then a copy whose need is marked weak does the same and can be loaded. TorchSharp's library is such a
/// case: its compiler (GCC 13) names <c>std::ios_base_library_init()</c> of GLIBCXX_3.4.32 so that no older libstdc++ is taken, and never
/// calls it.
/// </summary>
internal static class LoadableLibrary
{
    /// <summary>A library that the loader takes.</summary>
    /// <param name="path">Full path of the library.</param>
    /// <param name="folder">Full path of a folder for the copy.</param>
    /// <param name="machine">Finds this machine's libraries by name.</param>
    /// <returns><paramref name="path"/>, or the full path of a copy, which is the caller's to delete.</returns>
    /// <exception cref="DiagnosticException"><see cref="DiagnosticCode.DeviceLibraries"/>: it uses symbols that this machine does not
    /// have.</exception>
    /// <exception cref="IOException">The copy cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">Likewise.</exception>
    public static string Of(string path, string folder, Func<string, SystemLibrary?> machine)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(machine);
        IReadOnlyList<VersionNeed> unused;
        try
        {
            using var library = ElfLibrary.Open(path);
            var found = library.Needs.Select(need => need.Library).Distinct().ToDictionary(name => name, machine);
            var missing = library.Needs
                .Where(need => !need.IsWeak && found[need.Library] is { } other && !other.Versions.Contains(need.Version))
                .ToList();
            if (missing.Count == 0)
                return path;
            var used = missing.Where(library.Uses).ToList();
            if (used.Count > 0)
                throw Fault(path, used, found);
            unused = missing;
        }
        catch (InvalidDataException)
        {
            // The loader says what is wrong with it.
            return path;
        }

        var copy = Path.Combine(folder, $"{Path.GetFileName(path)}.{Guid.NewGuid():N}.tmp");
        ElfLibrary.CopyWeakened(path, copy, unused);
        return copy;
    }

    /// <summary>
    /// Names of the libraries that a library needs, or that those of its folder need, and that are neither there nor on this machine.
    /// </summary>
    /// <param name="path">Full path of the library.</param>
    public static IReadOnlyList<string> Absent(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var folder = Path.GetDirectoryName(path)!;
        var (seen, absent) = (new HashSet<string>(), new List<string>());
        var open = new Queue<string>([path]);
        while (open.TryDequeue(out var next))
        {
            foreach (var name in NamesNeededBy(next).Where(seen.Add))
            {
                if (File.Exists(Path.Combine(folder, name)))
                    open.Enqueue(Path.Combine(folder, name));
                else if (!NativeLibrary.TryLoad(name, out _))
                    absent.Add(name);
            }
        }

        return absent;
    }

    private static IReadOnlyList<string> NamesNeededBy(string path)
    {
        try
        {
            using var library = ElfLibrary.Open(path);
            return library.Needed;
        }
        catch (Exception e) when (e is InvalidDataException || FileFault.Covers(e))
        {
            return [];
        }
    }

    private static DiagnosticException Fault(string path, IReadOnlyList<VersionNeed> used, Dictionary<string, SystemLibrary?> found)
    {
        var needs = used.GroupBy(need => (need.Library, Family: FamilyOf(need.Version))).Select(group =>
        {
            var other = found[group.Key.Library]!;
            var newest = Newest(other.Versions.Where(version => FamilyOf(version) == group.Key.Family));
            return $"{Newest(group.Select(need => need.Version))} of {group.Key.Library}, and this machine's "
                + $"({other.Path}) {(newest is null ? "has none of that kind" : $"ends at {newest}")}";
        });
        var wayOut = used.All(need => need.Library == "libstdc++.so.6")
            ? "a newer libstdc++ on the loader's path (LD_LIBRARY_PATH), or a system or container with one, such as Ubuntu 24.04 or "
                + "Debian 13"
            : "a newer system, or a container with one, such as Ubuntu 24.04 or Debian 13";
        return new DiagnosticException(DiagnosticCode.DeviceLibraries,
            $"The library '{path}' needs {string.Join("; ", needs)}. Ways out: {wayOut}; or MergeDevice=cpu, which runs models on the "
                + "built-in engine.", null);
    }

    private static string FamilyOf(string version) => version[..(version.LastIndexOf('_') + 1)];

    private static string? Newest(IEnumerable<string> versions) =>
        versions.MaxBy(version => Version.TryParse(version[(version.LastIndexOf('_') + 1)..], out var number) ? number : new Version());
}
