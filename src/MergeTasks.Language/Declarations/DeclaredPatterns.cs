using System.Text.RegularExpressions;
using System.Xml.Linq;
using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Language.Declarations;

/// <summary>
/// Patterns in <c>Include</c> that match no file: MSBuild drops such items without a word, and a pattern never matches a folder, which is
/// what models are.
/// </summary>
internal static class DeclaredPatterns
{
    private static readonly char[] Wildcards = ['*', '?'];

    /// <summary>Finds them. What stands under a condition, or is computed, may be meant to be empty.</summary>
    /// <param name="projectFile">Full path of the project file.</param>
    /// <param name="items">The items that there are, of whichever types.</param>
    /// <param name="types">The types to look for.</param>
    public static IEnumerable<Diagnostic> Unmatched(
        string projectFile, IReadOnlyList<DeclaredItem> items, IReadOnlyCollection<string> types) =>
        from element in ProjectFile.Elements(projectFile)
        where types.Contains(element.Name.LocalName, StringComparer.OrdinalIgnoreCase)
            && element.Attribute("Exclude") is null
            && element.AncestorsAndSelf().All(IsUnconditional)
        from pattern in ((string?)element.Attribute("Include") ?? "").Split(';', StringSplitOptions.TrimEntries)
        where pattern.IndexOfAny(Wildcards) >= 0 && !"$@%".Any(computed => pattern.Contains($"{computed}(", StringComparison.Ordinal))
        let files = FileNames(pattern)
        where !items.Any(item => item.Type.Equals(element.Name.LocalName, StringComparison.OrdinalIgnoreCase)
            && files.IsMatch(item.Include.Replace('\\', '/')))
        select Diagnostic(projectFile, element, pattern);

    private static bool IsUnconditional(XElement element) =>
        element.Attribute("Condition") is null && element.Name.LocalName is not ("Choose" or "Target");

    private static Diagnostic Diagnostic(string projectFile, XElement element, string pattern)
    {
        var (type, folders) = (element.Name.LocalName, Folders(projectFile, pattern));
        var why = folders.Count == 0 ? "it matches nothing here"
            : $"patterns match files only, and these are folders; name them: Include=\"{string.Join(';', folders)}\"";
        return new Diagnostic(
            DiagnosticCode.UnmatchedPattern, $"{type} '{pattern}' stands for no item: {why}.", ProjectFile.LocationOf(projectFile, element));
    }

    // Those that the pattern would have meant, where its last part says it.
    private static List<string> Folders(string projectFile, string pattern)
    {
        const int most = 20;
        var path = pattern.Replace('\\', '/').TrimEnd('/');
        var slash = path.LastIndexOf('/');
        var (parent, name) = (path[..(slash + 1)], FileNames(path[(slash + 1)..]));
        var folder = Path.Combine(Path.GetDirectoryName(projectFile)!, parent);
        if (parent.IndexOfAny(Wildcards) >= 0 || !Directory.Exists(folder))
            return [];
        return [
            .. Directory.EnumerateDirectories(folder)
                .Select(found => Path.GetFileName(found))
                .Where(found => name.IsMatch(found))
                .Order(StringComparer.Ordinal)
                .Take(most)
                .Select(found => parent + found)];
    }

    private static Regex FileNames(string pattern) => new(
        "^" + Regex.Escape(pattern.Replace('\\', '/'))
            .Replace(@"\*\*/", "(.*/)?", StringComparison.Ordinal)
            .Replace(@"\*\*", ".*", StringComparison.Ordinal)
            .Replace(@"\*", "[^/]*", StringComparison.Ordinal)
            .Replace(@"\?", "[^/]", StringComparison.Ordinal) + "$",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);
}
