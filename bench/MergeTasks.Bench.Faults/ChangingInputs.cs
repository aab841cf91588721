using MergeTasks.TestSupport;

namespace MergeTasks.Bench.Faults;

/// <summary>
/// Writes inputs anew while they are read: the build ends with the old content or the new one, or says that a file changed.
/// </summary>
internal sealed class ChangingInputs(FaultOptions options, FaultReport report)
{
    public void Run()
    {
        var project = new FaultProject(Directory.CreateTempSubdirectory("mergetasks-faults-").FullName);
        project.Write();
        var file = project.Input("x");
        byte[][] contents = [File.ReadAllBytes(file), File.ReadAllBytes(project.Input("y"))];
        var clean = contents.Select(content =>
        {
            File.WriteAllBytes(file, content);
            return project.Clean("a");
        }).ToList();
        var random = new Random(options.Seed);
        for (var round = 0; round < options.Rounds; round++)
        {
            var (now, way) = (contents[(round + 1) % 2], round % 3);
            using var child = new Child(project.Folder, "a", "wait");
            child.Go();
            Thread.Sleep(random.Next(100, 900));
            Write(file, now, way, random);
            var (code, output) = child.Wait();
            var what = $"change {round}";
            if (code is not (0 or Worker.Refused))
                report.Broken($"{what}: the process ended with {code}: {output}");
            report.Ended(code == 0 ? "well" : output[..7]);
            if (code == 0 && !clean.Exists(content => content.SequenceEqual(FolderContent.Of(project.Out))))
                report.Broken($"{what}: an output of neither content");
            File.WriteAllBytes(file, now);
            project.Build("a", Language.Diagnostics.MergeProgress.None);
            if (!FolderContent.Of(project.Out).SequenceEqual(clean[(round + 1) % 2]))
                report.Broken($"{what}: the next build's bytes are not a clean build's");
            foreach (var left in project.Temporary())
                report.Broken($"{what}: '{left}' is left");
            project.RemoveOutputs();
        }

        Directory.Delete(project.Folder, recursive: true);
    }

    // In place and bit by bit with the time put back; another file in its place; cut short, then whole again.
    private static void Write(string file, byte[] content, int way, Random random)
    {
        if (way == 1)
        {
            File.WriteAllBytes(file + ".new", content);
            File.Move(file + ".new", file, overwrite: true);
            return;
        }

        var time = File.GetLastWriteTimeUtc(file);
        using var handle = File.OpenHandle(
            file, way == 0 ? FileMode.Open : FileMode.Truncate, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
        for (var start = 0; start < content.Length; start += 1 << 18)
        {
            RandomAccess.Write(handle, content.AsSpan(start, Math.Min(1 << 18, content.Length - start)), start);
            Thread.Sleep(random.Next(20));
        }

        if (way == 0)
            File.SetLastWriteTimeUtc(file, time);
    }
}
