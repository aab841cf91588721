using System.Diagnostics;
using System.Text;
using MergeTasks.TestSupport;
using MergeTasks.TestSupport.Mutated;

namespace MergeTasks.Merging.Tests.Mutated;

/// <summary>
/// Every reader, given some hundred other files than it expects, has a result or says in an exception of its own what is wrong: no
/// other exception comes out, none takes long, and none allocates much. The long run is a program of its own (docs/reliability.md).
/// </summary>
public sealed class MutatedFiles : IDisposable
{
    private const int Cases = 150;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("models")]
    [InlineData("tokenizers")]
    [InlineData("projects")]
    [InlineData("records")]
    public void A_reader_has_a_result_or_says_what_is_wrong(string kind)
    {
        var readers = kind switch
        {
            "models" => ModelReaders.In(_folder.Path),
            "tokenizers" => TokenizerReaders.In(_folder.Path),
            "projects" => ProjectReaders.In(_folder.Path),
            _ => RecordReaders.In(_folder.Path),
        };
        foreach (var reader in readers)
        {
            Assert.Empty(reader.Unsound());
            var refused = 0;
            for (var i = 0; i < Cases; i++)
            {
                var content = reader.Case(0, i);
                var watch = Stopwatch.StartNew();
                var outcome = reader.Try(content);
                if (outcome.Fault is { } fault || watch.Elapsed > MutatedReader.Longest)
                    Assert.Fail($"Case {i} of '{reader.Name}' in {watch.Elapsed}: {outcome.Fault}\n{Shown(content)}");
                refused += outcome.IsRefused ? 1 : 0;
            }

            Assert.InRange(refused, reader.ReadsAnything ? 0 : Cases / 20, Cases);
        }
    }

    // Files that once came out as another exception, named by what they stand for.
    public static TheoryData<string> Found =>
        [
            .. Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "Data", "found"))
                .Select(path => Path.GetFileName(path)!)
                .Order(StringComparer.Ordinal)
        ];

    [Theory]
    [MemberData(nameof(Found))]
    public void What_was_found_once_is_told(string file)
    {
        var bytes = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Data", "found", file));
        string[] names = file.Contains("tokenizer_config", StringComparison.Ordinal) ? ["chat template"]
            : file.Contains("adapter_config", StringComparison.Ordinal) ? ["adapter"]
            : file.Contains("generation_config", StringComparison.Ordinal) ? ["generation config"]
            : file.Contains("config", StringComparison.Ordinal) || file.StartsWith("family", StringComparison.Ordinal) ? ["config", "family"]
            : file.Contains("tokenizer", StringComparison.Ordinal) ? ["tokenizer", "vocabulary"]
            : file.StartsWith("index", StringComparison.Ordinal) ? ["index"]
            : file.StartsWith("jsonl", StringComparison.Ordinal) ? ["samples"]
            : file.StartsWith("restored", StringComparison.Ordinal) ? ["restored"] : ["reference"];
        var readers = MutatedReaders.In(_folder.Path).Where(reader => names.Contains(reader.Name)).ToList();
        Assert.Equal(names.Length, readers.Count);
        foreach (var reader in readers)
        {
            var outcome = reader.Try(bytes);
            Assert.True(outcome.Fault is null, $"{reader.Name}: {outcome.Fault}");
            Assert.False(reader.ReadsAnything && outcome.IsRefused);
        }
    }

    private static string Shown(byte[] content) => Encoding.UTF8.GetString(content.AsSpan(0, Math.Min(content.Length, 4000)));
}
