using System.Diagnostics;
using MergeTasks.TestSupport;

namespace MergeTasks.Files.Tests;

/// <summary>Where links lead, compared with what the system's own realpath(1) says.</summary>
public sealed class RealPaths
{
    [Fact]
    public void Random_trees_of_links_lead_where_the_system_says()
    {
        if (!OperatingSystem.IsLinux())
            return;
        using var folder = new TempFolder();
        var random = new Random(7);
        var places = new List<string> { folder.Path };
        var paths = new List<string>();
        for (var i = 0; i < 120; i++)
        {
            var parent = places[random.Next(places.Count)];
            var path = Path.Combine(parent, $"n{i}");
            switch (random.Next(3))
            {
                case 0:
                    if (Directory.Exists(parent))
                        Directory.CreateDirectory(path);
                    break;
                case 1 when Directory.Exists(parent):
                    File.CreateSymbolicLink(path, places[random.Next(places.Count)]);
                    break;
                case 2 when Directory.Exists(parent):
                    File.CreateSymbolicLink(
                        path,
                        random.Next(4) == 0
                            ? $"../n{random.Next(i + 1)}/./x"
                            : Path.GetRelativePath(parent, places[random.Next(places.Count)]));
                    break;
            }

            if (Directory.Exists(path) && places.Count < 40)
                places.Add(path);
            paths.Add(path);
            paths.Add(path + "/../n1/missing");
        }

        foreach (var path in paths)
        {
            var expected = System(path);
            if (expected is null)
                Assert.Throws<FileFault>(() => InputFolder.RealPath(path));
            else
                Assert.Equal(expected, InputFolder.RealPath(path));
        }
    }

    // Purely textual '..' are taken away first on both sides, as .NET does with every path.
    private static string? System(string path)
    {
        using var process =
            Process.Start(
                new ProcessStartInfo(
                    "realpath", ["-m", Path.GetFullPath(path)])
                { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var line = process.StandardOutput.ReadLine();
        process.WaitForExit();
        return process.ExitCode == 0 ? line : null;
    }
}
