using System.Text;

namespace MergeTasks.TestSupport.Mutated;

/// <summary>Every reader of the core, each with files that it reads.</summary>
internal static class MutatedReaders
{
    /// <summary>The readers.</summary>
    /// <param name="folder">Where they may put files; one thread at a time.</param>
    public static IReadOnlyList<MutatedReader> In(string folder) =>
        [.. ModelReaders.In(folder), .. TokenizerReaders.In(folder), .. ProjectReaders.In(folder), .. RecordReaders.In(folder)];

    /// <summary>Files of the repository as a corpus, the largest left out, because cases are to be many.</summary>
    /// <param name="folder">A folder below the repository's.</param>
    /// <param name="pattern">Which files.</param>
    /// <param name="most">Most bytes of one.</param>
    public static IReadOnlyList<byte[]> FilesOf(string folder, string pattern, int most) =>
        [.. Directory.EnumerateFiles(Path.Combine(RepositoryFolder.Root, folder), pattern, SearchOption.AllDirectories)
            .Where(path => new FileInfo(path).Length <= most)
            .Order(StringComparer.Ordinal)
            .Select(File.ReadAllBytes)
            .DistinctBy(Encoding.Latin1.GetString)];

    /// <summary>Writes a case's file.</summary>
    public static string Put(string folder, string name, byte[] content)
    {
        var path = Path.Combine(folder, name);
        File.WriteAllBytes(path, content);
        return path;
    }
}
