using MergeTasks.Transformers.Metrics;

namespace MergeTasks.Bench.Study;

/// <summary>Which items of a set: settings are chosen on the first, and reported on the second.</summary>
internal enum Half
{
    /// <summary>The items at 0, 2, 4, ….</summary>
    Even = 0,

    /// <summary>The items at 1, 3, 5, ….</summary>
    Odd = 1,
}

/// <summary>One file of held-out texts or problems, tokenized once, because all models share the tokenizer.</summary>
internal sealed class HeldOutSet
{
    private readonly List<ScoredSequence> _items;

    private HeldOutSet(string path, List<ScoredSequence> items) => (Path, _items) = (path, items);

    /// <summary>Those that a fine-tuned model was trained for, and those that only the base was.</summary>
    public static IReadOnlyList<string> InDomain { get; } = ["code", "manual", Problems];

    /// <inheritdoc cref="InDomain"/>
    public static IReadOnlyList<string> BaseDomain { get; } = ["dictionary", "pydoc"];

    public static IReadOnlyList<string> All { get; } = [.. InDomain, .. BaseDomain];

    /// <summary>The set of problems with answers; the others are texts.</summary>
    public const string Problems = "math";

    public string Path { get; }

    public string Name => System.IO.Path.GetFileNameWithoutExtension(Path);

    /// <summary>Reads a file.</summary>
    /// <param name="path">JSONL.</param>
    /// <param name="model">Any of the models, for its tokens.</param>
    public static HeldOutSet Read(string path, TextModel model) => new(path, System.IO.Path.GetFileNameWithoutExtension(path) == Problems
        ? [.. JsonLines.ReadTasks(path).Select(model.Prepare)]
        : [.. JsonLines.ReadTexts(path).Select(text => model.Prepare([], model.Encode(text).Take(StudyMerges.TrainedTokens).ToArray()))]);

    public IReadOnlyList<ScoredSequence> Items(Half half) => [.. _items.Where((_, i) => i % 2 == (int)half)];
}
