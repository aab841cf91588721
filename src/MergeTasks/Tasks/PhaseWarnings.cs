using MergeTasks.Caching;
using MergeTasks.Files;
using MergeTasks.Files.Json;
using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Tasks;

/// <summary>
/// What was warned of when a merge was made. Every later build that finds the output as it should be says it again, as compilers do not, so
/// that what is an error (-warnaserror) is one in the second build too.
/// </summary>
internal static class PhaseWarnings
{
    private const string Suffix = ".warnings.json";

    private static readonly DiagnosticCode[] OfCaches =
        [DiagnosticCode.CacheUnwritable, DiagnosticCode.SharedCacheUnusable, DiagnosticCode.SharedEntryRefused];

    /// <summary>Full path of a merge's file in a folder for generated files.</summary>
    public static string PathOf(string folder, string merge) => Path.Combine(folder, merge + Suffix);

    /// <summary>Whether a file's name is that of one.</summary>
    public static bool IsOne(string name) => name.EndsWith(Suffix, StringComparison.Ordinal);

    /// <summary>Remembers them; none removes what an earlier build remembered.</summary>
    public static void Write(string path, IReadOnlyList<Diagnostic> warnings)
    {
        // The caches may do better next time, and say so themselves.
        var lasting = warnings.Where(warning => !OfCaches.Contains(warning.Code)).ToList();
        if (lasting.Count > 0)
            AtomicFile.WriteIfDifferent(path, RecordFile.ToBytes(lasting));
        else
            File.Delete(path);
    }

    /// <summary>What is remembered; a file that cannot be read says nothing.</summary>
    public static IReadOnlyList<Diagnostic> Read(string path)
    {
        try
        {
            return File.Exists(path) ? RecordFile.Read<List<Diagnostic>>(path).FindAll(warning => warning is { IsWarning: true }) : [];
        }
        catch (FileFault)
        {
            return [];
        }
    }
}
