using System.Text;
using MergeTasks.Caching;
using MergeTasks.Files;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Outputs.Ownership;

namespace MergeTasks.Tasks;

/// <summary>
/// Where merging has put something on the disk for one configuration of a project: what clean looks at, and how a later plan finds the
/// outputs of merges that are gone. It is a hint and no more: what is deleted there, the outputs' own records decide
/// (<see cref="OutputRemoval"/>). One place per line: the project file's name (several may share the folder), what it is, and its path,
/// below the project's folder if it lies there.
/// </summary>
/// <param name="folder">The folder for generated files.</param>
/// <param name="projectFile">Full path of the project file.</param>
/// <param name="cacheFolder">The user's cache folder.</param>
/// <param name="cancellation">Ends waiting and digesting.</param>
internal sealed class OutputRecord(string folder, string projectFile, string cacheFolder, CancellationToken cancellation)
{
    private const string Output = "output";
    private const string Generated = "generated";

    private string File => PathIn(folder);

    private string ProjectFolder => Path.GetDirectoryName(projectFile)!;

    private string ProjectName => Path.GetFileName(projectFile);

    /// <summary>Full path of the record in a folder for generated files.</summary>
    public static string PathIn(string folder) => Path.Combine(folder, "outputs.txt");

    /// <summary>Remembers outputs and generated files beside those that earlier builds have remembered.</summary>
    /// <param name="outputs">Full paths of all declared merges' output folders.</param>
    /// <param name="generated">Full paths of generated files.</param>
    /// <returns>Full paths of folders with an output that none of the declared merges has.</returns>
    public IReadOnlyList<string> Update(IReadOnlyList<string> outputs, IReadOnlyList<string> generated)
    {
        using var own = FileLock.Acquire(File + ".lock", null, cancellation);
        var earlier = Read().Where(line => !IsOwn(line, Output) || OutputRemoval.HasRecord(FolderOf(line))).ToList();
        Write(earlier.Concat(outputs.Select(path => new Line(ProjectName, Output, Shortened(path))))
            .Concat(generated.Select(path => new Line(ProjectName, Generated, Path.GetFileName(path)))));
        var declared = outputs.Select(InputFolder.RealPath).ToHashSet(InputFolder.Paths);
        return [
            .. earlier.Where(line => IsOwn(line, Output)).Select(FolderOf).Where(path => !declared.Contains(InputFolder.RealPath(path)))
        ];
    }

    /// <summary>Removes the output in a folder as far as it is this project's.</summary>
    /// <returns>What is left, in words.</returns>
    /// <exception cref="DiagnosticException">Something cannot be deleted.</exception>
    public IReadOnlyList<string> Remove(string output, FileHasher hasher)
    {
        try
        {
            if (OutputRemoval.FindMerge(projectFile, output, out var owner) is not { } merge)
                return owner is null ? [] : [$"'{output}' is left as it is: {owner}"];

            // Not while another build is at it.
            using var busy = OutputLock.Acquire(
                GeneratedProjects.LockOf(folder, merge), output, cacheFolder, null, cancellation);
            return [.. OutputRemoval.Remove(projectFile, output, hasher, cancellation)
                .Select(path => $"'{path}' is left: it was changed after merge '{merge}' wrote it")];
        }
        catch (FileFault e)
        {
            throw new DiagnosticException(DiagnosticCode.OutputUnwritable,
                $"An output that is no longer wanted is in the way: {e.Message}", null);
        }
    }

    /// <summary>Removes all outputs and generated files of this project.</summary>
    /// <param name="hasher">Digests what is to be removed.</param>
    /// <param name="modelsFolder">The folder that has one folder per merge, and goes with the last of them; relative to the project's.</param>
    /// <returns>What is left, in words.</returns>
    public IReadOnlyList<string> Clean(FileHasher hasher, string modelsFolder = "")
    {
        if (!Directory.Exists(folder))
            return [];
        List<string> left;
        using (FileLock.Acquire(File + ".lock", null, cancellation))
        {
            var lines = Read().ToList();
            var outputs = lines.Where(line => IsOwn(line, Output)).Select(FolderOf).ToList();
            left = [.. outputs.SelectMany(path => Remove(path, hasher))];
            var models = Path.GetFullPath(Path.Combine(ProjectFolder, Path.TrimEndingDirectorySeparator(modelsFolder)));
            if (modelsFolder.Length > 0 && outputs.Exists(path => Path.GetDirectoryName(path) == models))
                OutputRemoval.RemoveIfEmpty(models);
            foreach (var line in lines.Where(line => IsOwn(line, Generated) && GeneratedProjects.IsGenerated(line.Path)))
                Delete(Path.Combine(folder, line.Path));
            var kept = lines.Where(line => line.Project != ProjectName || (IsOwn(line, Output) && OutputRemoval.HasRecord(FolderOf(line))))
                .ToList();
            if (kept.Count > 0)
                Write(kept);
            else
                Delete(File);
            PlanRecord.Delete(folder);
        }

        return left;
    }

    // Lines that no build can have written say nothing; a record that cannot be read at all is none.
    private IEnumerable<Line> Read()
    {
        try
        {
            return System.IO.File.Exists(File)
                ? [.. InputFile.ReadTextLines(File, InputFile.LongestWritten).Select(Line.Parse).OfType<Line>()]
                : [];
        }
        catch (FileFault e) when (e.Kind is FileFaultKind.Malformed or FileFaultKind.TooLarge)
        {
            return [];
        }
    }

    private void Write(IEnumerable<Line> lines) => AtomicFile.WriteIfDifferent(File, Encoding.UTF8.GetBytes(
        string.Concat(lines.Where(line => line.CanBeWritten).Select(line => $"{line}\n").Distinct().Order(StringComparer.Ordinal))));

    private bool IsOwn(Line line, string kind) => line.Kind == kind && line.Project == ProjectName;

    private string FolderOf(Line line) => Path.GetFullPath(Path.Combine(ProjectFolder, line.Path));

    // So that a copied project looks at its own folders.
    private string Shortened(string path)
    {
        var relative = Path.GetRelativePath(ProjectFolder, path);
        return relative.StartsWith("..", StringComparison.Ordinal) ? path : relative;
    }

    private static void Delete(string path)
    {
        if (System.IO.File.Exists(path))
            FileFault.During(path, FileAct.Delete, () => System.IO.File.Delete(path));
    }

    private sealed record Line(string Project, string Kind, string Path)
    {
        public bool CanBeWritten => !Project.Any(char.IsControl) && !Path.Any(char.IsControl);

        public static Line? Parse(string text) =>
            text.Split('\t') is [{ Length: > 0 } project, (Output or Generated) and var kind, { Length: > 0 } path]
            && new Line(project, kind, path) is { CanBeWritten: true } line ? line : null;

        public override string ToString() => $"{Project}\t{Kind}\t{Path}";
    }
}
