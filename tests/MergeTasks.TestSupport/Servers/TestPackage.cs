using System.IO.Compression;
using System.Text;

namespace MergeTasks.TestSupport.Servers;

/// <summary>NuGet packages, zipped by hand so that they may hold anything.</summary>
public static class TestPackage
{
    public static byte[] Of(string id, string version, IEnumerable<(string Path, byte[] Content)> files)
    {
        using var buffer = new MemoryStream();
        using (var zip = new ZipArchive(buffer, ZipArchiveMode.Create, leaveOpen: true))
        {
            Add(zip, $"{id}.nuspec", Encoding.UTF8.GetBytes($"""
                <?xml version="1.0" encoding="utf-8"?>
                <package xmlns="http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd">
                  <metadata><id>{id}</id><version>{version}</version><authors>somebody</authors><description>A model.</description></metadata>
                </package>
                """));
            foreach (var (path, content) in files)
                Add(zip, path, content);
        }

        return buffer.ToArray();
    }

    private static void Add(ZipArchive zip, string path, byte[] content)
    {
        using var entry = zip.CreateEntry(path).Open();
        entry.Write(content);
    }
}
