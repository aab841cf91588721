namespace MergeTasks.Bench.Faults;

/// <summary>Takes the cache folder away, or the right to write in it, while a build uses it.</summary>
internal sealed class LostCache(FaultOptions options, FaultReport report)
{
    public void Run()
    {
        var project = new FaultProject(
            Directory.CreateTempSubdirectory("mergetasks-faults-").FullName)
        {
            Scored = Path.GetFullPath(Path.Combine("example-project", "models"))
        };
        project.Write();
        var promises = new Promises(project, report);
        var random = new Random(options.Seed);
        for (var round = 0; round < options.Rounds; round++)
        {
            using var child = new Child(project.Folder, FaultProject.Variants[round % 2], "wait", "scored", project.Scored);
            child.Go();
            Thread.Sleep(random.Next(100, 1500));
            Take(project.Cache, round % 2 == 0);
            var (code, output) = child.Wait();
            if (!OperatingSystem.IsWindows() && Directory.Exists(project.Cache))
                File.SetUnixFileMode(project.Cache, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            promises.CheckEnd($"cache {round}", code, output);
            promises.Check($"cache {round}", FaultProject.Variants[random.Next(2)]);
        }

        Directory.Delete(project.Folder, recursive: true);
    }

    // Permissions stop no superuser; for him a file stands in the folder's way.
    private static void Take(string cache, bool remove)
    {
        for (var attempt = 0; attempt < 20 && Directory.Exists(cache); attempt++)
        {
            try
            {
                if (!remove && !OperatingSystem.IsWindows() && !Environment.IsPrivilegedProcess)
                    File.SetUnixFileMode(cache, UnixFileMode.UserRead | UnixFileMode.UserExecute);
                else
                    Directory.Delete(cache, recursive: true);
                return;
            }
            catch (IOException)
            {
                // The build has just put something in.
            }
        }
    }
}
