using System.Runtime.InteropServices;
using System.Text.Json;
using MergeTasks.Files;
using MergeTasks.Files.Json;

namespace MergeTasks.Merging.Devices;

/// <summary>
/// The packages with libtorch that a project restored, as NuGet's <c>project.assets.json</c> lists them. They are split over many packages,
/// so their libraries lie in many folders.
/// </summary>
/// <param name="CpuFolders">Full paths of folders with libraries of packages for processors.</param>
/// <param name="CudaFolders">Likewise of packages for CUDA, which run on processors too.</param>
internal sealed record TorchPackages(IReadOnlyList<string> CpuFolders, IReadOnlyList<string> CudaFolders)
{
    private const string CpuPrefix = "libtorch-cpu";
    private const string CudaPrefix = "libtorch-cuda";

    /// <summary>No package.</summary>
    public static TorchPackages None { get; } = new([], []);

    /// <summary>NuGet's name of this machine's kind, such as <c>linux-x64</c>.</summary>
    public static string Platform { get; } =
        (OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "osx" : "linux")
            + "-"
            + RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant();

    /// <summary>The kinds of machines that TorchSharp has its own library for.</summary>
    public static IReadOnlyList<string> Platforms { get; } = ["linux-x64", "win-x64", "osx-arm64"];

    /// <summary>Reads a project's list.</summary>
    /// <param name="assetsFile">Full path of <c>project.assets.json</c>; where it is missing or malformed, nothing is restored.</param>
    public static TorchPackages Read(string assetsFile)
    {
        try
        {
            using var assets = StrictJson.Read(assetsFile);
            var roots = assets.RootElement.GetProperty("packageFolders").EnumerateObject().Select(folder => folder.Name).ToList();
            var libraries = assets.RootElement.GetProperty("libraries").EnumerateObject().ToList();
            return new TorchPackages(Folders(CpuPrefix), Folders(CudaPrefix));

            List<string> Folders(string prefix) => [.. libraries
                .Where(library => library.Name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase))
                .SelectMany(library => FoldersOf(library.Value, roots))];
        }
        catch (Exception e) when (FileFault.Covers(e) || e is ArgumentException or KeyNotFoundException or InvalidOperationException)
        {
            return None;
        }
    }

    /// <summary>
    /// A library that is still in parts. Packages named <c>…-primary</c> hold the beginnings of files that are too large for one, and
    /// targets of theirs append what packages named <c>…-fragment1</c> and so on hold in a folder of the same name, and remove it there.
    /// </summary>
    /// <param name="folders">Full paths of folders with libraries.</param>
    /// <returns>Full path of the beginning, or <see langword="null"/> where all are whole.</returns>
    public static string? InParts(IEnumerable<string> folders) =>
        folders.SelectMany(folder => Directory.EnumerateFiles(folder))
            .FirstOrDefault(file => file.Contains("-primary", StringComparison.Ordinal)
            && File.Exists(
                file.Replace("-primary", "-fragment1", StringComparison.Ordinal).Replace("runtimes", "fragments", StringComparison.Ordinal)
                    + ".fragment1"));

    private static IEnumerable<string> FoldersOf(JsonElement library, IReadOnlyList<string> roots)
    {
        var native = $"runtimes/{Platform}/native";
        if (!library.GetProperty("files")
            .EnumerateArray()
            .Any(file => file.GetString() is { } name && name.StartsWith(native + "/", StringComparison.Ordinal)))
            return [];
        var path = library.GetProperty("path").GetString() ?? throw new ArgumentException("No path.", nameof(library));
        return roots.Select(root => Path.GetFullPath(Path.Combine(root, path, native))).Where(Directory.Exists).Take(1);
    }
}
