using MergeTasks.Transformers.Tokenization.Text;
using MergeTasks.Transformers.Tokenization.Unicode;

namespace MergeTasks.Transformers.Tokenization.Models;

/// <summary>What a BPE model's file says beside vocabulary and merges.</summary>
/// <param name="UnknownToken">The token of characters that the vocabulary lacks; without it they are dropped.</param>
/// <param name="ContinuingPrefix">What every character but a word's first is looked up with in front; empty for none.</param>
/// <param name="WordSuffix">What a word's last character is looked up with behind; empty for none.</param>
/// <param name="FusesUnknown">Whether adjoining unknown characters make one unknown token.</param>
/// <param name="UsesByteFallback">Whether unknown characters are spelt in byte tokens.</param>
/// <param name="IgnoresMerges">Whether a word that is a token is that token, whatever the merges say.</param>
internal sealed record BpeOptions(
    string? UnknownToken, string ContinuingPrefix, string WordSuffix, bool FusesUnknown, bool UsesByteFallback, bool IgnoresMerges);

/// <summary>Model BPE.</summary>
internal sealed class BpeModel : ITokenModel
{
    private readonly BpeMerges _merges;
    private readonly BpeOptions _options;
    private readonly ByteFallback? _byteFallback;
    private readonly WordCache _cache = new();
    private readonly int[] _charIds = new int[0x10000];
    private readonly bool _decorates;

    public BpeModel(Vocabulary vocabulary, BpeMerges merges, BpeOptions options)
    {
        Vocabulary = vocabulary;
        _merges = merges;
        _options = options;
        _byteFallback = options.UsesByteFallback ? new ByteFallback(vocabulary) : null;
        _decorates = options.ContinuingPrefix.Length + options.WordSuffix.Length > 0;
        Array.Fill(_charIds, -1);
        foreach (var (token, id) in vocabulary.Ids)
        {
            if (token.Length == 1) _charIds[token[0]] = id;
        }
    }

    public Vocabulary Vocabulary { get; }

    public void Encode(ReadOnlySpan<char> word, List<int> ids)
    {
        if (_options.IgnoresMerges && Vocabulary.TryGetId(word, out var id))
        {
            ids.Add(id);
            return;
        }

        if (_cache.TryGet(word, out var known))
        {
            ids.AddRange(known!);
            return;
        }

        var start = ids.Count;
        Spell(word, ids);
        _merges.Apply(ids, start);
        _cache.Add(word, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(ids)[start..]);
    }

    /// <summary>Appends the ids of the word's characters, before any merge.</summary>
    private void Spell(ReadOnlySpan<char> word, List<int> ids)
    {
        var unknown = -1;
        for (var i = 0; i < word.Length;)
        {
            ScalarText.At(word, i, out var length);
            var character = word.Slice(i, length);
            i += length;
            if (_decorates) character = Decorate(character, isFirst: i == length, isLast: i == word.Length);
            if (TryGetId(character, out var id))
            {
                Flush(ref unknown, ids);
                ids.Add(id);
            }
            else if (_byteFallback is null || !_byteFallback.TryEncode(character, ids))
            {
                // An unknown token waits for the next known character, so that fusing and byte tokens keep the reference's order.
                if (_options.UnknownToken is null) continue;
                if (!_options.FusesUnknown) Flush(ref unknown, ids);
                unknown = UnknownId();
            }
        }

        Flush(ref unknown, ids);
    }

    private static void Flush(ref int unknown, List<int> ids)
    {
        if (unknown < 0) return;
        ids.Add(unknown);
        unknown = -1;
    }

    private bool TryGetId(ReadOnlySpan<char> character, out int id)
    {
        if (character.Length != 1) return Vocabulary.TryGetId(character, out id);
        id = _charIds[character[0]];
        return id >= 0;
    }

    private ReadOnlySpan<char> Decorate(ReadOnlySpan<char> character, bool isFirst, bool isLast) =>
        string.Concat(isFirst ? "" : _options.ContinuingPrefix, character, isLast ? _options.WordSuffix : "");

    private int UnknownId() =>
        Vocabulary.TryGetId(_options.UnknownToken, out var id)
            ? id
            : throw new TokenizerException(
                $"The text has a character outside the vocabulary, and the model's unk_token '{_options.UnknownToken}' is not in the "
                    + "vocabulary.");
}
