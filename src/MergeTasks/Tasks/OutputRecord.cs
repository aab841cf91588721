using System.Text;
using MergeTasks.Caching;
using MergeTasks.Files;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Outputs;

namespace MergeTasks.Tasks;

/// <summary>
/// The list of everything that merging has put on the disk for one project and configuration: what clean removes, and how a later plan
/// finds the outputs of merges that are gone. One full path per line.
/// </summary>
internal sealed class OutputRecord(string folder)
{
    private string File => PathIn(folder);

    /// <summary>Full path of the record in a folder for generated files.</summary>
    public static string PathIn(string folder) => Path.Combine(folder, "outputs.txt");

    /// <summary>Removes the outputs of merges that are no longer declared, and records those that are.</summary>
    /// <param name="states">All declared merges.</param>
    /// <param name="generated">Generated files.</param>
    public void Update(IReadOnlyList<OutputState> states, IReadOnlyList<string> generated)
    {
        var folders = states.Select(state => state.Plan.Declaration.OutputFolder).Append(Path.TrimEndingDirectorySeparator(folder)).ToHashSet(StringComparer.Ordinal);
        var earlier = Read();
        Delete(earlier.Where(path => !folders.Contains(Path.GetDirectoryName(path)!)));

        // Files of a declared merge stay recorded while they exist: a new distribution over shards leaves the old ones until it is complete.
        var planned = states.SelectMany(state => state.Output.FileNames.Select(name => Path.Combine(state.Plan.Declaration.OutputFolder, name)))
            .Concat(generated).ToHashSet(StringComparer.Ordinal);
        var kept = earlier.Where(path => !planned.Contains(path) && folders.Contains(Path.GetDirectoryName(path)!) && System.IO.File.Exists(path));
        AtomicFile.WriteIfDifferent(File, Encoding.UTF8.GetBytes(string.Join('\n', planned.Concat(kept).Order(StringComparer.Ordinal)) + "\n"));
    }

    /// <summary>Removes everything recorded, and the record.</summary>
    public void Clean()
    {
        Delete(Read().Where(path => path != File));
        DeleteFile(File);
        PlanRecord.Delete(folder);
        DeleteEmpty(folder);
    }

    // Lines that no merge can have written say nothing; a record that cannot be read at all is none.
    private List<string> Read()
    {
        try
        {
            return System.IO.File.Exists(File) ? [.. InputFile.ReadTextLines(File).Where(IsFile)] : [];
        }
        catch (FileFault e) when (e.Kind == FileFaultKind.Malformed)
        {
            return [];
        }
    }

    private static bool IsFile(string path) => !path.Any(char.IsControl) && Path.IsPathFullyQualified(path) && Path.GetFileName(path).Length > 0 && Path.GetFullPath(path) == path;

    private static void Delete(IEnumerable<string> paths)
    {
        foreach (var group in paths.GroupBy(path => Path.GetDirectoryName(path)!).ToList())
        {
            // The manifest goes first: without it nothing that is left counts as a model.
            foreach (var path in group.OrderBy(path => Path.GetFileName(path) != MergedFiles.Manifest))
            {
                if (System.IO.File.Exists(path))
                    DeleteFile(path);
            }

            var partial = Path.Combine(group.Key, OutputState.PartialFolder);
            if (Directory.Exists(partial))
                Deleting(partial, () => Directory.Delete(partial, recursive: true));
            DeleteEmpty(group.Key);
        }
    }

    private static void DeleteEmpty(string folder)
    {
        Deleting(folder, () =>
        {
            if (Directory.Exists(folder) && !Directory.EnumerateFileSystemEntries(folder).Any())
                Directory.Delete(folder);
        });
    }

    private static void DeleteFile(string path) => Deleting(path, () => System.IO.File.Delete(path));

    private static void Deleting(string path, Action delete)
    {
        try
        {
            FileFault.During(path, FileAct.Delete, delete);
        }
        catch (FileFault e)
        {
            throw new DiagnosticException(new Diagnostic(DiagnosticCode.OutputUnwritable, $"An output that is no longer wanted is in the way: {e.Message}", null));
        }
    }
}
