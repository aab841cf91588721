namespace MergeTasks.Transformers.Tokenization.Models;

/// <summary>A model's tokens and their ids.</summary>
internal sealed class Vocabulary
{
    private readonly Dictionary<string, int> _ids;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _idsBySpan;
    private readonly Dictionary<int, string> _tokens;

    /// <param name="ids">The id of every token; no two may share one.</param>
    public Vocabulary(Dictionary<string, int> ids)
    {
        _ids = ids;
        _idsBySpan = ids.GetAlternateLookup<ReadOnlySpan<char>>();
        _tokens = new(ids.Count);
        foreach (var (token, id) in ids) _tokens.Add(id, token);
    }

    /// <summary>
    /// For models whose vocabulary may repeat a token: the list gives ids their tokens, the last repeat gives a token its id.
    /// </summary>
    public Vocabulary(IReadOnlyList<string> tokens)
    {
        _ids = new(tokens.Count, StringComparer.Ordinal);
        _tokens = new(tokens.Count);
        for (var id = 0; id < tokens.Count; id++)
        {
            _ids[tokens[id]] = id;
            _tokens[id] = tokens[id];
        }

        _idsBySpan = _ids.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    /// <summary>How many ids there are.</summary>
    public int Count => _tokens.Count;

    public IReadOnlyDictionary<string, int> Ids => _ids;

    public bool TryGetId(ReadOnlySpan<char> token, out int id) => _idsBySpan.TryGetValue(token, out id);

    public string? Token(int id) => _tokens.GetValueOrDefault(id);
}
