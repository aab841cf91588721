using MergeTasks.Caching;
using MergeTasks.Language.Importance;
using MergeTasks.Merging.Measuring;
using MergeTasks.Merging.Measuring.Evaluation;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Metrics;

namespace MergeTasks.Merging.Searching;

/// <summary>A text or sample.</summary>
/// <param name="Key">What tells it from others, whatever model reads it.</param>
/// <param name="Prepare">Its ids and targets, as a model takes them.</param>
internal sealed record SearchItem(string Key, Func<TextEncoder, (IReadOnlyList<int> Ids, Target[] Targets)> Prepare);

/// <summary>
/// The items of a file, in two parts that depend on the items alone and not on their order: those that a search sees, and those that are
/// held out to measure what it has found. Equal items count once, so that none is in both.
/// </summary>
/// <param name="File">The file.</param>
/// <param name="Digest">Digest of its content.</param>
/// <param name="Selecting">The items that choose.</param>
/// <param name="Held">The items that measure.</param>
internal sealed record SearchItems(DataFile File, string Digest, IReadOnlyList<SearchItem> Selecting, IReadOnlyList<SearchItem> Held)
{
    /// <summary>Fewest items of either part.</summary>
    public const int Fewest = 8;

    /// <summary>Reads a file and parts it.</summary>
    /// <param name="file">The file.</param>
    /// <param name="digest">Digest of its content.</param>
    /// <param name="encoder">Knows the models' tokens and labels.</param>
    /// <param name="tokensPerText">Most tokens of a text.</param>
    /// <param name="heldOut">Share that is held out.</param>
    /// <exception cref="Transformers.Architecture.ModelException">The file is malformed, or an item does not fit the models.</exception>
    public static SearchItems Read(DataFile file, string digest, TextEncoder encoder, int tokensPerText, double heldOut)
    {
        var items = Of(file.Path, encoder, tokensPerText)
            .DistinctBy(item => item.Key)
            .OrderBy(item => item.Key, StringComparer.Ordinal)
            .ToList();
        var held = (int)Math.Round(items.Count * heldOut);

        // Now and not when hours have passed: an item that no model can take is told.
        foreach (var item in items)
            item.Prepare(encoder);
        return new SearchItems(file, digest, items[held..], items[..held]);
    }

    /// <summary>The items' keys.</summary>
    public static IReadOnlySet<string> KeysOf(string path, TextEncoder encoder) =>
        Of(path, encoder, int.MaxValue).Select(item => item.Key).ToHashSet(StringComparer.Ordinal);

    private static IEnumerable<SearchItem> Of(string path, TextEncoder encoder, int tokensPerText)
    {
        var keys = Measurement.Keys(path);
        if (keys.Contains("choices"))
            return JsonLines.ReadChoices(path).Select(sample => Item(
                $"choices\n{sample.Prompt}\n{sample.Choices[sample.Answer]}",
                new TaskSample(sample.Prompt, sample.Choices[sample.Answer])));
        if (keys.Contains("label"))
            return JsonLines.ReadLabels(path, encoder.Description.Labels).Select(sample => new SearchItem(
                KeyOf($"label\n{sample.Text}\n{sample.Label}"),
                reader => (reader.EncodeWhole(sample.Text), [new Target(0, 0, sample.Label)])));
        if (keys.Contains("prompt"))
            return JsonLines.ReadTasks(path).Select(sample => Item($"task\n{sample.Prompt}\n{sample.Target}", sample));

        // Without a beginning token, the first token of a text only serves to predict the second.
        return JsonLines.ReadTexts(path).Where(text => encoder.Encode(text).Length > Skipped(encoder))
            .Select(text => new SearchItem(KeyOf($"text\n{text}"), reader => OfText(text, reader, tokensPerText)));
    }

    private static SearchItem Item(string key, TaskSample sample) => new(KeyOf(key), reader => Targets(reader.Prepare(sample)));

    private static int Skipped(TextEncoder encoder) => encoder.BeginOfSequence is null ? 1 : 0;

    private static (IReadOnlyList<int> Ids, Target[] Targets) OfText(string text, TextEncoder encoder, int tokensPerText)
    {
        var (ids, skipped) = (encoder.Encode(text), Skipped(encoder));
        var most = Math.Min(tokensPerText, encoder.Description.MaximumPositions - 1);
        return Targets(encoder.Prepare(ids.AsSpan(0, skipped), ids.AsSpan(skipped, Math.Min(most, ids.Length - skipped))));
    }

    private static (IReadOnlyList<int> Ids, Target[] Targets) Targets(ScoredSequence sequence) => (sequence.Ids, [.. sequence.Targets(0)]);

    private static string KeyOf(string text) => ContentDigest.Of(text).ToString();
}
