namespace MergeTasks.TestSupport.Mutated;

/// <summary>
/// What may stand where a file should: nothing, a folder, links of all kinds, a pipe, a device, a file that is too large.
/// </summary>
internal static class StrangeThing
{
    // More than any file has that is read as a whole.
    private const long Large = 300L << 20;

    private static readonly string[] Kinds =
    [
        "nothing", "an empty file", "a folder", "a folder that is not empty", "a link to nothing", "a link to itself", "a link to another file",
        "a hard link to another file", "a link to a folder", "a link to /dev/zero", "a link to /dev/null", "a pipe", "a sparse file of 300 MB",
    ];

    /// <summary>Puts something in a file's place.</summary>
    /// <param name="path">The file.</param>
    /// <param name="other">Another file.</param>
    /// <param name="random">Chooses.</param>
    /// <returns>What it is.</returns>
    public static string Put(string path, string other, Random random)
    {
        var kind = Kinds[random.Next(Kinds.Length)];
        var otherContent = File.Exists(other) ? File.ReadAllBytes(other) : [];
        Remove(path);
        switch (kind)
        {
            case "an empty file":
                File.WriteAllBytes(path, []);
                break;
            case "a folder":
                Directory.CreateDirectory(path);
                break;
            case "a folder that is not empty":
                Directory.CreateDirectory(path);
                File.WriteAllBytes(Path.Combine(path, "x"), otherContent);
                break;
            case "a link to nothing":
                File.CreateSymbolicLink(path, path + ".gone");
                break;
            case "a link to itself":
                File.CreateSymbolicLink(path, Path.GetFileName(path));
                break;
            case "a link to another file" or "a hard link to another file" when other != path && File.Exists(other):
                if (kind[2] == 'h')
                    SpecialFiles.HardLink(other, path);
                else
                    File.CreateSymbolicLink(path, other);
                break;
            case "a link to a folder":
                File.CreateSymbolicLink(path, Path.GetDirectoryName(other)!);
                break;
            case "a link to /dev/zero" or "a link to /dev/null":
                File.CreateSymbolicLink(path, kind[10..]);
                break;
            case "a pipe":
                SpecialFiles.Pipe(path);
                break;
            case "a sparse file of 300 MB":
                using (var file = File.Create(path))
                {
                    file.Write(otherContent);
                    file.SetLength(Large);
                }

                break;
        }

        return kind;
    }

    /// <summary>Removes whatever is there, without following links.</summary>
    public static void Remove(string path)
    {
        if (Directory.Exists(path) && new FileInfo(path).LinkTarget is null)
            Directory.Delete(path, recursive: true);
        else
            File.Delete(path);
    }
}
