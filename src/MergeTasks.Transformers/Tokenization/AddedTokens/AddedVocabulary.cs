using MergeTasks.Transformers.Tokenization.Normalizers;
using MergeTasks.Transformers.Tokenization.Text;

namespace MergeTasks.Transformers.Tokenization.AddedTokens;

/// <summary>The added tokens of a file: what they are, and how they are found in text.</summary>
internal sealed class AddedVocabulary
{
    private readonly Dictionary<string, AddedToken> _byContent = new(StringComparer.Ordinal);
    private readonly Dictionary<int, AddedToken> _byId = [];
    private readonly HashSet<string> _special = new(StringComparer.Ordinal);
    private readonly AddedTokenMatcher _raw = new();
    private readonly AddedTokenMatcher _normalized = new();
    private readonly INormalizer? _normalizer;

    /// <param name="tokens">The tokens in the file's order; a later one replaces an earlier one of the same content.</param>
    /// <param name="normalizer">What text, and the tokens found in normalized text, go through.</param>
    public AddedVocabulary(IReadOnlyList<AddedToken> tokens, INormalizer? normalizer)
    {
        _normalizer = normalizer;
        foreach (var token in tokens)
        {
            if (token.Content.Length == 0) continue;
            _byContent[token.Content] = token;
            _byId[token.Id] = token;
            if (token.IsSpecial) _special.Add(token.Content);
        }

        // Where two tokens are searched for by the same text, special ones come first.
        foreach (var token in _byContent.Values.OrderByDescending(t => t.IsSpecial))
        {
            if (token.IsNormalized) _normalized.Add(Normalize(token.Content), token);
            else _raw.Add(token.Content, token);
        }
    }

    public IEnumerable<AddedToken> Tokens => _byId.Values.OrderBy(t => t.Id);

    public AddedToken? Find(string content) => _byContent.GetValueOrDefault(content);

    public AddedToken? Find(int id) => _byId.GetValueOrDefault(id);

    public bool IsSpecial(string content) => _special.Contains(content);

    /// <summary>Divides clean text into added tokens and normalized text.</summary>
    public List<Piece> Split(string text)
    {
        var raw = new List<Piece>();
        if (text.Length > 0) _raw.Split(Piece.Whole(text, char.IsHighSurrogate(text[0]) ? 2 : 1), raw);
        var output = new List<Piece>(raw.Count);
        foreach (var piece in raw)
        {
            if (piece.IsToken) output.Add(piece);
            else _normalized.Split(Normalize(piece), output);
        }

        return output;
    }

    private Piece Normalize(Piece piece)
    {
        if (_normalizer is null) return piece;
        var result = _normalizer.Normalize(new(piece.Span.ToString(), piece.Head));
        return Piece.Whole(result.Text, result.Head);
    }

    private string Normalize(string content) => _normalizer?.Normalize(new(content, 0)).Text ?? content;
}
