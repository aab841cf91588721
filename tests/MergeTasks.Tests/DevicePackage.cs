using System.IO.Compression;
using System.Runtime.InteropServices;
using MergeTasks.Merging.Devices;
using MergeTasks.TestSupport;

namespace MergeTasks.Tests;

/// <summary>
/// A project on a device as builds see one: the tasks of the packed package with a stand-in for the TorchSharp engine beside them, and a
/// package that is named and laid out like one with libtorch.
/// </summary>
public sealed class DevicePackage : IDisposable
{
    private const string Libraries = "libtorch-cpu-stand-in";
    private const string Native = "tasks/net10.0-linux-x64";

    private readonly TempFolder _folder = new();

    public DevicePackage(Package package)
    {
        using (var archive = ZipFile.OpenRead(Directory.GetFiles(package.Feed, "MergeTasks.*.nupkg").Single()))
        {
            // As the package's targets choose: with native code where that is.
            var isNative = OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64;
            var folders = archive.Entries.ToLookup(entry => Path.GetDirectoryName(entry.FullName)!.Replace('\\', '/'));
            foreach (var entry in isNative && folders.Contains(Native) ? folders[Native] : folders["tasks/net10.0"])
                entry.ExtractToFile(_folder[entry.Name]);
        }

        const string standIn = "MergeTasks.StandInDevice";
        File.Copy(
            Path.Combine(
                Package.Repository,
                "tests",
                standIn,
                "bin",
                Package.Configuration,
                "net10.0",
                IDeviceProvider.AssemblyName + ".dll"), _folder[IDeviceProvider.AssemblyName + ".dll"]);
        var libraries = Path.Combine(package.Feed, $"{Libraries}.1.0.0.nupkg");
        if (!File.Exists(libraries))
            WriteLibraries(libraries);
    }

    /// <summary>What the package with the engine sets.</summary>
    public string Property => $"<MergeTorchAssembly>{_folder["MergeTasks.dll"]}</MergeTorchAssembly>";

    /// <summary>What the user adds for the libraries.</summary>
    public static string Reference => $"""<PackageReference Include="{Libraries}" Version="1.0.0" PrivateAssets="all" />""";

    /// <summary>Says what happens at the next run of a model; <see langword="null"/> for nothing special.</summary>
    public void Order(string? order)
    {
        if (order is null)
            File.Delete(_folder["behave.txt"]);
        else
            File.WriteAllText(_folder["behave.txt"], order);
    }

    public void Dispose() => _folder.Dispose();

    private static void WriteLibraries(string path)
    {
        using var archive = ZipFile.Open(path, ZipArchiveMode.Create);
        Write($"{Libraries}.nuspec", $"""
            <package xmlns="http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd">
              <metadata><id>{Libraries}</id><version>1.0.0</version><authors>tests</authors><description>Libraries in name only.</description></metadata>
            </package>
            """);
        Write($"runtimes/{TorchPackages.Platform}/native/libc10.so", "not a library");

        void Write(string name, string text)
        {
            using var writer = new StreamWriter(archive.CreateEntry(name).Open());
            writer.Write(text);
        }
    }
}
