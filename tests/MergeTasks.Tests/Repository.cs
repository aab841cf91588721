using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Tests;

public sealed class Repository
{
    [Fact]
    public void Every_code_has_a_page_and_every_page_a_code()
    {
        var codes = typeof(DiagnosticCode)
            .GetFields(BindingFlags.Public | BindingFlags.Static)
            .Select(field => (string)(DiagnosticCode)field.GetValue(null)!);
        var pages = Directory.GetFiles(Path.Combine(Package.Repository, "docs", "errors"), "*.md")
            .Select(path => Path.GetFileNameWithoutExtension(path)!);
        Assert.Equal(codes.Order(StringComparer.Ordinal), pages.Order(StringComparer.Ordinal));
        Assert.All(codes, code => Assert.EndsWith($"docs/errors/{code}.md", DiagnosticCode.HelpLink(code), StringComparison.Ordinal));
    }

    // What only MergeTasks.Files may do: open files to read them, parse JSON, and sort the exceptions with which the system refuses work on
    // files.
    [Theory]
    [InlineData(
        @"\bJson(Document|Node|Object|Array|Value|Element)\s*\.\s*(Try)?Parse|\bJsonSerializer\s*\.\s*Deserialize|\bnew\s+Utf8JsonReader\b|\bUtf8JsonReader\s+\w+\s*=\s*new\b|\bReadFromJson|\bGetFromJson")]
    [InlineData(
        @"\bFile\s*\.\s*(ReadAll|ReadLines|OpenRead|OpenText)|\bnew\s+StreamReader\s*\(\s*(path|file)|\bXDocument\.Load\s*\(\s*(path|file)|\b(File\s*\.\s*OpenHandle|new\s+FileStream)\s*\((?!.*FileMode\.(Create|OpenOrCreate))")]
    [InlineData(@"(?<!cref=""[^""]*)\bUnauthorizedAccessException\b|\bSecurityException\b")]
    public void One_room_reads(string pattern)
    {
        var source = Path.Combine(Package.Repository, "src");
        var elsewhere = Directory.GetFiles(source, "*.cs", SearchOption.AllDirectories)
            .Where(path =>
                !path[source.Length..].Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal)
                    && !path.Contains("MergeTasks.Files", StringComparison.Ordinal))
            .SelectMany(path => File.ReadLines(path).Select((line, i) => (Text: line, Place: $"{path}({i + 1})")))
            .Where(line => Regex.IsMatch(line.Text, pattern)).Select(line => $"{line.Place}: {line.Text.Trim()}");
        Assert.Empty(elsewhere);
    }

    // What formatters do not hold. Text is as long as what it says or is compared with, so it is left out of what is counted.
    [Fact]
    public void No_line_is_longer_than_140_columns()
    {
        var sources = new[] { "src", "tests", "bench" }
            .SelectMany(folder => Directory.GetFiles(Path.Combine(Package.Repository, folder), "*.cs", SearchOption.AllDirectories))
            .Where(path => !path.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal));
        Assert.Empty(sources.SelectMany(LongLines));

        static IEnumerable<string> LongLines(string path)
        {
            var isText = false;
            foreach (var (number, line) in File.ReadLines(path).Index())
            {
                var marks = Regex.Count(line, "\"{3,}");
                if (!isText && marks == 0 && line.Length > 140 && Regex.Replace(line, """(?<=")(\\.|[^"\\])+(?=")""", "").Length > 140)
                    yield return $"{path}({number + 1}): {line.Length} columns";
                isText ^= marks % 2 == 1;
            }
        }
    }
}
