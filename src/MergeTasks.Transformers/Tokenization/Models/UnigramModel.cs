using MergeTasks.Transformers.Tokenization.Text;
using MergeTasks.Transformers.Tokenization.Unicode;

namespace MergeTasks.Transformers.Tokenization.Models;

/// <summary>
/// Model Unigram (Kudo 2018, "Subword Regularization"): the division of the word with the highest sum of log probabilities, found by
/// dynamic programming.
/// </summary>
internal sealed class UnigramModel : ITokenModel
{
    /// <summary>How far below the worst token an unknown character scores, as in SentencePiece.</summary>
    private const double UnknownPenalty = 10.0;

    private readonly double[] _scores;
    private readonly int _unknownId;
    private readonly ByteFallback? _byteFallback;
    private readonly double _unknownScore;
    private readonly Dictionary<(int Node, char Next), int> _trie = [];
    private readonly List<int> _idsOfNodes = [-1];

    /// <param name="pieces">Tokens and their log probabilities; a token's id is its index.</param>
    /// <param name="unknownId">The id of unknown characters, or -1.</param>
    /// <param name="usesByteFallback">Whether unknown characters are spelt in byte tokens.</param>
    public UnigramModel(IReadOnlyList<(string Token, double Score)> pieces, int unknownId, bool usesByteFallback)
    {
        Vocabulary = new Vocabulary([.. pieces.Select(p => p.Token)]);
        _scores = [.. pieces.Select(p => p.Score)];
        _unknownId = unknownId;
        _unknownScore = _scores.DefaultIfEmpty(double.PositiveInfinity).Min() - UnknownPenalty;
        _byteFallback = usesByteFallback ? new ByteFallback(Vocabulary) : null;
        foreach (var (token, id) in Vocabulary.Ids) AddToTrie(token, id);
    }

    public Vocabulary Vocabulary { get; }

    public void Encode(ReadOnlySpan<char> word, List<int> ids)
    {
        var best = BestPath(word);
        var ends = new List<int>();
        for (var end = word.Length; end > 0; end = best[end].Start) ends.Add(end);
        for (var i = ends.Count - 1; i >= 0; i--)
        {
            // Adjoining unknown characters are one token.
            var (start, id, _) = best[ends[i]];
            if (id == _unknownId)
            {
                while (i > 0 && best[ends[i - 1]].Id == _unknownId) i--;
            }

            Add(word[start..ends[i]], ids);
        }
    }

    private void Add(ReadOnlySpan<char> token, List<int> ids)
    {
        if (Vocabulary.TryGetId(token, out var id)) ids.Add(id);
        else if (_byteFallback is null || !_byteFallback.TryEncode(token, ids)) ids.Add(_unknownId);
    }

    /// <summary>For every end position, where the best token that ends there starts, its id, and the score up to there.</summary>
    private (int Start, int Id, double Score)[] BestPath(ReadOnlySpan<char> word)
    {
        var best = new (int Start, int Id, double Score)[word.Length + 1];
        for (var i = 1; i <= word.Length; i++) best[i] = (-1, -1, 0);
        for (var start = 0; start < word.Length;)
        {
            ScalarText.At(word, start, out var length);
            var node = 0;
            var coversCharacter = false;
            for (var end = start; end < word.Length && _trie.TryGetValue((node, word[end]), out node);)
            {
                var id = _idsOfNodes[node];
                end++;
                if (id < 0) continue;
                Offer(ref best[end], start, id, _scores[id] + best[start].Score);
                coversCharacter |= end - start == length;
            }

            if (!coversCharacter)
            {
                if (_unknownId < 0)
                    throw new TokenizerException("The text has a character outside the vocabulary, and the Unigram model has no unk_id.");
                Offer(ref best[start + length], start, _unknownId, _unknownScore + best[start].Score);
            }

            start += length;
        }

        return best;
    }

    private static void Offer(ref (int Start, int Id, double Score) best, int start, int id, double score)
    {
        if (best.Start < 0 || score > best.Score) best = (start, id, score);
    }

    private void AddToTrie(string token, int id)
    {
        var node = 0;
        foreach (var c in token)
        {
            if (!_trie.TryGetValue((node, c), out var next))
            {
                next = _idsOfNodes.Count;
                _idsOfNodes.Add(-1);
                _trie.Add((node, c), next);
            }

            node = next;
        }

        // An empty token would end where it starts; the reference never looks one up either.
        if (token.Length > 0) _idsOfNodes[node] = id;
    }
}
