using System.Text.Json;
using MergeTasks.Files;
using MergeTasks.Files.Json;

namespace MergeTasks.Merging.Planning.Vocabularies;

/// <summary>
/// The tokens of a <c>tokenizer.json</c> and their ids, added tokens included. What the file does with text is not looked at.
/// </summary>
internal sealed class ModelVocabulary
{
    /// <summary>The file's name.</summary>
    public const string FileName = "tokenizer.json";

    // Several times what the largest vocabularies have; an output gets a row for every number up to the largest id.
    private const int MostTokens = 1 << 24;

    private ModelVocabulary(string kind, Dictionary<string, int> ids, HashSet<string> modelTokens, Dictionary<string, string> added)
    {
        Kind = kind;
        Ids = ids;
        ModelTokens = modelTokens;
        Added = added;
        Ordered = [.. ids.OrderBy(pair => pair.Value).ThenBy(pair => pair.Key, StringComparer.Ordinal)];
    }

    /// <summary><c>BPE</c>, <c>WordPiece</c>, <c>WordLevel</c> or <c>Unigram</c>.</summary>
    public string Kind { get; }

    /// <summary>The id of every token.</summary>
    public IReadOnlyDictionary<string, int> Ids { get; }

    /// <summary>The same in the order of ids.</summary>
    public IReadOnlyList<KeyValuePair<string, int>> Ordered { get; }

    /// <summary>The tokens that the model part of the file holds.</summary>
    public IReadOnlySet<string> ModelTokens { get; }

    /// <summary>The added tokens' entries as JSON.</summary>
    public IReadOnlyDictionary<string, string> Added { get; }

    /// <summary>Reads a file.</summary>
    /// <exception cref="FormatException">It holds no vocabulary; the message says why, beginning with a verb.</exception>
    public static ModelVocabulary Parse(byte[] json)
    {
        try
        {
            using var document = StrictJson.Parse(json, FileName);
            return Read(document.RootElement);
        }
        catch (FileFault e)
        {
            throw new FormatException(
                e.Reason.StartsWith("is ", StringComparison.Ordinal) ? e.Reason : $"is not a tokenizer's: it {e.Reason}", e);
        }
    }

    private static ModelVocabulary Read(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object
            || !root.TryGetProperty("model", out var model)
            || model.ValueKind != JsonValueKind.Object
            || !model.TryGetProperty("vocab", out var vocab))
            throw new FormatException("has no 'model' with a 'vocab'");
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        var kind = model.TryGetProperty("type", out var type) && type.ValueKind == JsonValueKind.String ? type.GetString()!
            : vocab.ValueKind == JsonValueKind.Array ? "Unigram"
            : "BPE";
        if (vocab.ValueKind == JsonValueKind.Object)
        {
            foreach (var entry in vocab.EnumerateObject())
                ids.Add(entry.Name, Id(entry.Value));
        }
        else if (vocab.ValueKind == JsonValueKind.Array)
        {
            var id = 0;
            foreach (var entry in vocab.EnumerateArray())
            {
                if (entry.ValueKind != JsonValueKind.Array || entry.GetArrayLength() == 0 || entry[0].ValueKind != JsonValueKind.String)
                    throw new FormatException("has an entry in 'vocab' that is not a token and its score");
                ids[entry[0].GetString()!] = id++;
            }
        }
        else
        {
            throw new FormatException("has a 'vocab' that is neither an object nor a list");
        }

        var tokens = ids.Keys.ToHashSet(StringComparer.Ordinal);
        var added = new Dictionary<string, string>(StringComparer.Ordinal);
        if (root.TryGetProperty("added_tokens", out var list) && list.ValueKind == JsonValueKind.Array)
        {
            foreach (var entry in list.EnumerateArray())
            {
                if (entry.ValueKind != JsonValueKind.Object
                    || !entry.TryGetProperty("content", out var text)
                    || text.ValueKind != JsonValueKind.String
                    || !entry.TryGetProperty("id", out var number))
                    throw new FormatException("has an added token without content or id");
                var content = text.GetString()!;
                ids.TryAdd(content, Id(number));
                added[content] = entry.GetRawText();
            }
        }

        return ids.Count > 0 ? new ModelVocabulary(kind, ids, tokens, added) : throw new FormatException("has no token");
    }

    private static int Id(JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var id) && id is >= 0 and < MostTokens ? id
        : throw new FormatException(
            $"is not a tokenizer's: it has the id {MessageText.Shown(value.GetRawText(), 60)}, which is no whole number from 0 "
                + $"to {MostTokens - 1}");
}
