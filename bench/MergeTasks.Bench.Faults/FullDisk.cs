using System.Diagnostics;

namespace MergeTasks.Bench.Faults;

/// <summary>Builds on a file system that is full after more and more bytes.</summary>
internal sealed class FullDisk(FaultOptions options, FaultReport report)
{
    private const long MostBytes = 14 << 20;

    public void Run()
    {
        var disk = Directory.CreateTempSubdirectory("mergetasks-disk-").FullName;
        if (!Mount("-t", "tmpfs", "-o", $"size={MostBytes * 3}", "none", disk))
        {
            report.Broken("a tmpfs cannot be mounted here");
            return;
        }

        try
        {
            var project = new FaultProject(Path.Combine(disk, "project"));
            project.Write();
            var promises = new Promises(project, report);
            var filler = Path.Combine(disk, "filler");
            for (var round = 0; round < options.Rounds; round++)
            {
                project.Build("b", Language.Diagnostics.MergeProgress.None);
                var free = MostBytes * round / options.Rounds;
                using (var file = File.Create(filler))
                    Fill(file, Math.Max(0, new DriveInfo(disk).AvailableFreeSpace - free));
                using (var child = new Child(project.Folder, "a"))
                {
                    var (code, output) = child.Wait();
                    promises.CheckEnd($"{free} bytes free", code, output);
                }

                File.Delete(filler);
                promises.Check($"{free} bytes free", "a");
            }
        }
        finally
        {
            using var umount = Process.Start("umount", [disk]);
            umount.WaitForExit();
            Directory.Delete(disk);
        }
    }

    private static void Fill(FileStream file, long bytes)
    {
        var zeros = new byte[1 << 16];
        for (; bytes > 0; bytes -= zeros.Length)
            file.Write(zeros, 0, (int)Math.Min(bytes, zeros.Length));
    }

    private static bool Mount(params string[] arguments)
    {
        using var mount = Process.Start("mount", arguments);
        mount.WaitForExit();
        return mount.ExitCode == 0;
    }
}
