using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using MergeTasks.Files;
using MergeTasks.Files.Json;

namespace MergeTasks.Merging.Planning.Vocabularies;

/// <summary>
/// The vocabulary of an output while it grows: one model's, whose ids it keeps, and tokens that are appended to it. Appended tokens get the
/// ids that follow. The file's rules for dividing text (merges, scores) stay as they are, so text that needs none of the appended added
/// tokens has the ids that it had.
/// </summary>
internal sealed class OutputVocabulary(ModelVocabulary own, byte[] file)
{
    private static readonly JsonSerializerOptions Options = new()
    {
        WriteIndented = true,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping
    };

    private readonly Dictionary<string, int> _ids = new(own.Ids, StringComparer.Ordinal);
    private readonly List<(string Token, string? Added)> _appended = [];
    private int _next = own.Ordered[^1].Value + 1;

    /// <summary>The id of every token.</summary>
    public IReadOnlyDictionary<string, int> Ids => _ids;

    /// <summary>One more than the largest id.</summary>
    public int Size => _next;

    /// <summary>Whether anything was appended; otherwise the files are the model's own.</summary>
    public bool IsLarger => _appended.Count > 0;

    // Their tokens are found in text by their presence in the table alone, so one more would change how old text is divided.
    private bool CannotTakeOrdinaryTokens => own.Kind is not ("BPE" or "WordLevel");

    /// <summary>Appends a token that the vocabulary lacks.</summary>
    /// <param name="token">The token.</param>
    /// <param name="added">Its entry among the added tokens of the file that it comes from; <see langword="null"/> for an ordinary
    /// one.</param>
    /// <returns>Whether that is possible: ordinary tokens cannot be appended to WordPiece and Unigram vocabularies.</returns>
    public bool TryAppend(string token, string? added)
    {
        if (_ids.ContainsKey(token))
            return true;
        if (added is null && CannotTakeOrdinaryTokens)
            return false;
        _ids.Add(token, _next++);
        _appended.Add((token, added));
        return true;
    }

    /// <summary>The <c>tokenizer.json</c> with what was appended.</summary>
    /// <exception cref="FormatException">The reference implementation would give the appended tokens other ids, or the file is
    /// malformed.</exception>
    public byte[] ToBytes()
    {
        try
        {
            var root = StrictJson.ParseObject(file, ModelVocabulary.FileName);
            var added = root["added_tokens"] as JsonArray ?? [];
            root["added_tokens"] = added;
            if (CannotTakeOrdinaryTokens)
                RequireNumbering();
            else
                FillTable(
                    root["model"]!["vocab"] as JsonObject
                        ?? throw new FormatException($"has a 'vocab' that is no object, as {own.Kind} needs one"));
            foreach (var (token, entry) in _appended.Where(appended => appended.Added is not null))
            {
                var copy = StrictJson.ParseObject(Encoding.UTF8.GetBytes(entry!), ModelVocabulary.FileName);
                copy["id"] = _ids[token];
                added.Add((JsonNode)copy);
            }

            return [.. JsonSerializer.SerializeToUtf8Bytes(root, Options), (byte)'\n'];
        }
        catch (FileFault e)
        {
            throw new FormatException(e.Reason, e);
        }
    }

    // Added tokens are numbered by the table where they are in it, else from its size on. In it, they keep their ids however it grows.
    private void FillTable(JsonObject table)
    {
        foreach (var (token, id) in own.Ordered.Where(entry => !own.ModelTokens.Contains(entry.Key)))
            table[token] = id;
        foreach (var (token, _) in _appended)
            table[token] = _ids[token];
    }

    private void RequireNumbering()
    {
        var outside = own.Ids.Keys.Count(token => !own.ModelTokens.Contains(token));
        if (own.ModelTokens.Count + outside != own.Ordered[^1].Value + 1)
            throw new FormatException("has gaps between its ids, so that no token can be appended");
    }
}
