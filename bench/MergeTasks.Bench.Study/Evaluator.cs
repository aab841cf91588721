using MergeTasks.Caching;
using MergeTasks.Merging.Measuring;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Metrics;
using MergeTasks.Transformers.Processor;
using MergeTasks.Transformers.Tokenization;

namespace MergeTasks.Bench.Study;

/// <summary>
/// Measures merges on held-out items. Results are kept in the user's store of scores under the digests of weights, tokenizer and data, so a
/// merge that was measured before is not even made.
/// </summary>
internal sealed class Evaluator
{
    private readonly StudyMerges _merges;
    private readonly CpuEngine _engine = new();
    private readonly FileHasher _hasher;
    private readonly ContentStore _store;
    private readonly string _tokenizerFile;
    private readonly Tokenizer _tokenizer;
    private readonly Dictionary<string, HeldOutSet> _sets;

    public Evaluator(StudyMerges merges, string models, string cache)
    {
        _merges = merges;
        _hasher = new FileHasher(new DigestMemo(cache), Environment.ProcessorCount);
        _store = new ContentStore(cache, _hasher);
        _tokenizerFile = Path.GetFullPath(Path.Combine(models, "base", "tokenizer.json"));
        _tokenizer = Tokenizer.Load(_tokenizerFile);
        using var model = _engine.Load(Path.Combine(models, "base"));
        var text = new TextModel(model, _tokenizer);
        _sets = HeldOutSet.All.ToDictionary(name => name, name => HeldOutSet.Read(Path.GetFullPath(Path.Combine(models, "eval", name + ".jsonl")), text));
    }

    /// <summary>Merges that had to be made.</summary>
    public int Made { get; private set; }

    /// <summary>The scores on some sets, by name.</summary>
    public Dictionary<string, ItemScores> Measure(Candidate candidate, IEnumerable<string> sets, Half half)
    {
        string? folder = null;
        ITransformerModel? model = null;
        try
        {
            return sets.ToDictionary(set => set, set => Measure(_sets[set]));
        }
        finally
        {
            model?.Dispose();
            if (folder is not null)
                Directory.Delete(folder, recursive: true);
        }

        ItemScores Measure(HeldOutSet set)
        {
            var key = new ScoreKey("held-out items",
            [
                new("weights", _merges.DigestOf(candidate)),
                new("tokenizer", Digest(_tokenizerFile)),
                new("data", Digest(set.Path)),
                new("half", half.ToString()),
                new("tokens per text", StudyMerges.TrainedTokens.ToString()),
                new("engine", _engine.NumericsVersion),
            ]);
            return ItemScores.Read(_store.GetOrAdd(key.Digest, path => Compute(set.Items(half)).Write(path, key), null, CancellationToken.None));
        }

        ItemScores Compute(IReadOnlyList<ScoredSequence> items)
        {
            if (folder is null)
            {
                folder = _merges.Make(candidate);
                model = _engine.Load(folder);
                Made++;
            }

            var scores = new TextModel(model!, _tokenizer).Score(items).ToList();
            return new ItemScores(
                [.. scores.Select(targets => -targets.Average(target => target.LogProbability))],
                [.. items.Zip(scores, (item, targets) => targets.Index().All(target => target.Item.Best == item.Ids[item.FirstTarget + target.Index]) ? 1.0 : 0.0)]);
        }
    }

    private string Digest(string path) => _hasher.DigestWhole(path, CancellationToken.None).ToString();
}
