using System.Text.Json;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Searching;
using MergeTasks.Merging.Tests.Importance;

namespace MergeTasks.Merging.Tests.Searching;

/// <summary>A small base with two fine-tuned models, files of samples to evaluate on, and a search for their merge <c>m</c>.</summary>
internal sealed class SearchedProject : IDisposable
{
    public SearchedProject()
    {
        Write("one", 3, 32);
        Write("two", 4, 32);
    }

    public ScoredProject Models { get; } = new();

    public string SearchFile => Path.Combine(Models.Space.Folder, "m.search.json");

    /// <summary>Declares merge and search, of which the test says what is different.</summary>
    public void Declare(
        (string Name, string Value)[]? merge = null,
        (string Name, string Value)[]? search = null,
        (string Name, (string Name, string Value)[] Values)[]? axes = null)
    {
        Models.Space.Clear();
        Models.Space.Merge("m", [("Base", "models/base"), .. merge ?? [("Method", "linear")]]);
        Models.Space.Source("models/a", ("Weight", "1"));
        Models.Space.Source("models/b", ("Weight", "1"));
        Models.Space.Search(
            "m",
            [
                .. new[] { ("Evaluate", "data/one.jsonl;data/two.jsonl"), ("Budget", "8") }
                    .Where(usual => search?.Any(own => own.Name == usual.Item1) != true),
                .. search ?? [],
            ]);
        foreach (var (name, values) in axes ?? UsualAxes)
            Models.Space.Axis(name, values);
    }

    public static (string Name, (string Name, string Value)[] Values)[] UsualAxes =>
    [
        ("Lambda", [("Range", "0.2..1.4")]),
        ("Method", [("Values", "linear;task_arithmetic;ties")]),
        ("Weight", [("Range", "0.1..1"), ("Source", "models/a")]),
    ];

    public SearchRecord Found(Listener? listener = null) => Models.Space.Found("m", listener);

    public Diagnostic[] Warnings() => [
        .. Models.Space.Plan().SelectMany(state => state.Plan.Warnings).Where(warning => warning.Code == DiagnosticCode.OutdatedSearch)
    ];

    /// <summary>Samples of random words.</summary>
    public void Write(string name, int seed, int count)
    {
        var random = new Random(seed);
        File.WriteAllLines(Models.Data(name + ".jsonl"), Enumerable.Range(0, count).Select(_ => JsonSerializer.Serialize(new
        {
            prompt = Words(random, random.Next(3, 7)),
            target = " " + Words(random, random.Next(1, 4)),
        })));
    }

    public void Dispose() => Models.Dispose();

    private string Words(Random random, int count) =>
        WordTokenizer.Text(Enumerable.Range(0, count).Select(_ => random.Next(3, Models.Vocabulary)));
}
