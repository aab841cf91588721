using System.Text;
using MergeTasks.Caching;
using MergeTasks.Files;
using MergeTasks.Language.Declarations;
using MergeTasks.Merging.Inputs;

namespace MergeTasks.Tasks;

/// <summary>
/// What the merges of a project read and make, for those who decide whether to build: Visual Studio and <c>dotnet watch</c>. They ask when
/// the project is evaluated, where neither recipes nor folders can be read, so the next evaluation reads these lists.
/// </summary>
/// <param name="folder">The folder for generated files.</param>
/// <param name="project">The project.</param>
internal sealed class EditorLists(string folder, ProjectDefaults project)
{
    private const string Inputs = ".inputs.txt";
    private const string Outputs = ".outputs.txt";
    private const string Stamp = ".stamp";

    private string Path(string suffix) => System.IO.Path.Combine(folder, System.IO.Path.GetFileName(project.ProjectFile) + suffix);

    /// <summary>Full paths of the lists and of the file that a build touches.</summary>
    public IReadOnlyList<string> Files => [Path(Inputs), Path(Outputs), Path(Stamp)];

    /// <summary>Whether a file's name is that of one of them.</summary>
    public static bool IsOne(string name) =>
        name.EndsWith(Inputs, StringComparison.Ordinal) || name.EndsWith(Outputs, StringComparison.Ordinal)
            || name.EndsWith(Stamp, StringComparison.Ordinal);

    /// <summary>Writes the lists.</summary>
    /// <param name="merges">The project's merges.</param>
    /// <param name="evaluations">Its <c>MergeEvaluation</c> items.</param>
    /// <param name="referenced">Full paths of the folders of other projects' models.</param>
    public void Write(
        IReadOnlyList<MergeDeclaration> merges, IReadOnlyList<DeclaredItem> evaluations, IReadOnlySet<string> referenced)
    {
        // Another project's model is as new as its manifest, which is written last.
        var models = DeclaredFiles.ModelFolders(merges)
            .SelectMany(model => referenced.Contains(model) ? [System.IO.Path.Combine(model, MergedFiles.Manifest)] : FilesOf(model));
        Write(Path(Inputs), models.Concat(DeclaredFiles.Files(project, merges, evaluations)));
        Write(Path(Outputs), merges.Select(merge => System.IO.Path.Combine(merge.OutputFolder, MergedFiles.Manifest)));
    }

    private static IEnumerable<string> FilesOf(string model) => Directory.Exists(model) ? Directory.EnumerateFiles(model) : [];

    private static void Write(string path, IEnumerable<string> files) => AtomicFile.WriteIfDifferent(
        path, Encoding.UTF8.GetBytes(string.Join(";\n", files.Distinct().Order(StringComparer.Ordinal).Select(Escaped))));

    // Twice, because the list as a whole is unescaped before MSBuild reads the items.
    private static string Escaped(string path) =>
        string.Concat(path.Select(c => "%$@'();?*".Contains(c, StringComparison.Ordinal) ? $"%25{(int)c:x2}" : c.ToString()));
}
