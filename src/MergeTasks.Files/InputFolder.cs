namespace MergeTasks.Files;

/// <summary>Folders that are read.</summary>
internal static class InputFolder
{
    private const int MostLinks = 40;

    /// <summary>Compares paths: where the usual file systems do not tell cases apart, two that differ in it are one.</summary>
    public static StringComparer Paths { get; } =
        OperatingSystem.IsLinux() ? StringComparer.Ordinal : StringComparer.OrdinalIgnoreCase;

    /// <summary>The names of the files in a folder, in ordinal order; those of links and special files too.</summary>
    /// <param name="folder">Full path.</param>
    /// <param name="pattern">Which, with <c>*</c>.</param>
    /// <exception cref="FileFault">It cannot be listed.</exception>
    public static IReadOnlyList<string> FileNames(string folder, string pattern = "*") =>
        FileFault.During(folder, FileAct.List, () =>
            Directory.EnumerateFiles(folder, pattern).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal).ToList());

    /// <summary>Where a path leads once every link in it is followed, whether or not anything is there.</summary>
    /// <exception cref="FileFault">Links lead in a circle, or may not be read.</exception>
    public static string RealPath(string path) => FileFault.During(path, FileAct.Read, () => Follow(Path.GetFullPath(path)));

    private static string Follow(string path)
    {
        var real = Path.GetPathRoot(path)!;
        var left = new Stack<string>(Parts(path[real.Length..]));
        var links = 0;
        while (left.TryPop(out var part))
        {
            if (part is "..")
            {
                real = Path.GetDirectoryName(real) ?? real;
                continue;
            }

            var next = Path.Combine(real, part);
            if (new FileInfo(next).LinkTarget is not { } target)
            {
                real = next;
                continue;
            }

            if (++links > MostLinks)
                throw new FileFault(FileFaultKind.BadName, path, "cannot be read: its links lead in a circle");
            if (Path.GetPathRoot(target) is { Length: > 0 } root)
                (real, target) = (root, target[root.Length..]);
            foreach (var further in Parts(target))
                left.Push(further);
        }

        return real;
    }

    // The last first, as a stack takes them.
    private static IEnumerable<string> Parts(string path) =>
        path.Split([Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar], StringSplitOptions.RemoveEmptyEntries)
            .Where(part => part != ".").Reverse();
}
