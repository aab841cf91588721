using System.Text;
using System.Xml.Linq;
using MergeTasks.Caching;
using MergeTasks.Files;
using MergeTasks.Files.Json;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Tasks;

/// <summary>
/// The generated project of each merge, and beside it a file with all declarations. Both are written only when they differ,
/// because inner builds of one project plan side by side.
/// </summary>
internal sealed class GeneratedProjects(
    string folder, string runTargets, string taskAssembly, string cacheFolder, string cacheMaxSize, int threads)
{
    private const string DeclarationsSuffix = ".declarations.json";

    /// <summary>The device that runs models; <see langword="null"/> for the built-in engine.</summary>
    public DeviceHost? Device { get; init; }

    /// <summary>Names of the merges whose phases must know the device.</summary>
    public IReadOnlySet<string> OnDevice { get; init; } = new HashSet<string>();

    /// <summary>
    /// What the user's project says of warnings and of the shared cache: a generated project imports nothing that would say it.
    /// </summary>
    public IReadOnlyDictionary<string, string> Inherited { get; init; } = new Dictionary<string, string>();

    public static string PathOf(string folder, string merge) => Path.Combine(folder, merge + ".proj");

    /// <summary>
    /// Full path of the file with all declarations, for one merge: another inner build, which sees other items, must not take it away.
    /// </summary>
    public static string DeclarationsOf(string folder, string merge) => Path.Combine(folder, merge + DeclarationsSuffix);

    public static string LockOf(string folder, string merge) => Path.Combine(folder, merge + ".lock");

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <exception cref="DiagnosticException">It is missing or damaged.</exception>
    /// <param name="path">Full path.</param>
    /// <param name="merge">A merge that must be among them.</param>
    public static IReadOnlyList<MergeDeclaration> ReadDeclarations(string path, string merge)
    {
        var declarations = ReadRecord<List<MergeDeclaration>>(path);
        return !declarations.Contains(null!) && declarations.Exists(declared => declared.Name == merge)
            ? declarations
            : throw Damaged($"'{path}' does not declare '{merge}'.");
    }

    /// <summary>Reads a generated file that a phase cannot do without.</summary>
    /// <exception cref="DiagnosticException">It is missing or damaged.</exception>
    public static T ReadRecord<T>(string path)
    {
        try
        {
            return RecordFile.Read<T>(path);
        }
        catch (FileFault e)
        {
            throw Damaged(e.Message);
        }
    }

    /// <summary>Where a merge is declared, by the same file.</summary>
    public static SourceLocation LocationOf(string path, string merge) =>
        ReadDeclarations(path, merge).First(declared => declared.Name == merge).Location;

    /// <summary>Writes the projects of stale merges and of all merges that they may have to run first.</summary>
    /// <returns>Full paths of all generated files.</returns>
    public IReadOnlyList<string> Write(IReadOnlyList<MergeDeclaration> merges, IReadOnlyList<string> stale)
    {
        if (stale.Count > 0)
        {
            var declarations = RecordFile.ToBytes(merges);
            Device?.Write(DeviceHost.PathIn(folder));
            foreach (var merge in merges)
            {
                AtomicFile.WriteIfDifferent(DeclarationsOf(folder, merge.Name), declarations);
                AtomicFile.WriteIfDifferent(
                    PathOf(folder, merge.Name), Encoding.UTF8.GetBytes(Project(merge, DeclarationsOf(folder, merge.Name), stale)));
            }
        }

        return [DeviceHost.PathIn(folder), .. merges.SelectMany(merge => FilesOf(folder, merge.Name))];
    }

    /// <summary>Whether a file is one of those that are generated, by its name.</summary>
    public static bool IsGenerated(string name) =>
        Path.GetFileName(name) == name && (name is "device.json" or "restored.json" || name.EndsWith(".proj", StringComparison.Ordinal)
            || name.EndsWith(DeclarationsSuffix, StringComparison.Ordinal) || name.EndsWith(".running", StringComparison.Ordinal)
            || PhaseWarnings.IsOne(name) || EditorLists.IsOne(name));

    private static string[] FilesOf(string folder, string merge) =>
        [PathOf(folder, merge), DeclarationsOf(folder, merge), RunningPhase.PathOf(folder, merge), PhaseWarnings.PathOf(folder, merge)];

    private static DiagnosticException Damaged(string what) =>
        new(
            new Diagnostic(
                DiagnosticCode.GeneratedFiles,
                $"{what} It is written anew when the project is built; build the project, and not a generated one.",
                null));

    private string Project(MergeDeclaration merge, string declarations, IReadOnlyList<string> stale)
    {
        var upstream = MergeOrder.Upstream(merge).Where(stale.Contains);
        var project = new XElement("Project",
            new XElement("PropertyGroup",
                new XElement("MergeName", Escaped(merge.Name)),
                new XElement("MergeDeclarations", Escaped(declarations)),
                new XElement("MergeLockFile", Escaped(LockOf(folder, merge.Name))),
                new XElement("MergeTasksAssembly", Escaped(taskAssembly)),
                new XElement("MergeCachePath", Escaped(cacheFolder)),
                new XElement("MergeCacheMaxSize", Escaped(cacheMaxSize)),
                new XElement("MergeNeedsScores", merge.NeedsScores ? "true" : "false"),
                new XElement("MergeThreads", threads),
                Inherited.Where(property => property.Value.Length > 0)
                    .Select(property => new XElement(property.Key, Escaped(property.Value))),
                Device is not null && OnDevice.Contains(merge.Name) ? DeviceProperties(merge, Device) : null),
            new XElement(
                "ItemGroup",
                upstream.Select(name => new XElement("MergeUpstream", new XAttribute("Include", Escaped(PathOf(folder, name)))))),
            new XElement("Import", new XAttribute("Project", Escaped(runTargets))));
        return project + "\n";
    }

    private XElement[] DeviceProperties(MergeDeclaration merge, DeviceHost device) =>
    [
        new("MergeDeviceTasksAssembly", Escaped(device.TaskAssembly)),
        new("MergeDeviceFile", Escaped(DeviceHost.PathIn(folder))),
        new("MergeRunningFile", Escaped(RunningPhase.PathOf(folder, merge.Name))),
    ];

    // MSBuild reads %xx in project files as a character.
    private static string Escaped(string text) =>
        string.Concat(text.Select(c => "%$@'();?*".Contains(c) ? $"%{(int)c:x2}" : c.ToString()));
}
