using System.Globalization;
using System.Text.Json;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Files;
using MergeTasks.Files.Json;
using MergeTasks.Merging.Inputs;

namespace MergeTasks.Merging.Planning.Vocabularies;

/// <summary>
/// Where a model's texts end, as its files tell: the tokenizer's end token, the configurations' ids, and what its chat template puts after
/// a message.
/// </summary>
internal sealed class StopTokens
{
    private static readonly string[] EndWords = ["end", "eot", "eos", "eom", "</s>", "turn|>"];

    private readonly IReadOnlyList<SideFile> _files;
    private readonly Dictionary<string, int> _added = new(StringComparer.Ordinal);
    private ModelVocabulary? _vocabulary;
    private bool _isRead;

    /// <summary>Reads what there is; files that cannot be understood say nothing.</summary>
    public StopTokens(IReadOnlyList<SideFile> files, ModelConfig config)
    {
        _files = files;
        var tokenizer = Parse("tokenizer_config.json");
        if (Member(tokenizer, "added_tokens_decoder") is { ValueKind: JsonValueKind.Object } decoder)
        {
            foreach (var entry in decoder.EnumerateObject())
            {
                if (TextOf(entry.Value) is { } text
                    && int.TryParse(entry.Name, NumberStyles.None, CultureInfo.InvariantCulture, out var id))
                    _added[text] = id;
            }
        }

        Token = Member(tokenizer, "eos_token") is { } token ? TextOf(token) : null;
        var root = Parse(config.Text, ModelConfig.FileName);
        Config = Ids(root) ?? (Member(root, "text_config") is { } section ? Ids(section) : null);
        Generation = Ids(Parse("generation_config.json"));
        Template = files.FirstOrDefault(file => file.Name == "chat_template.jinja") is { } own ? TextOf(own)
            : Member(tokenizer, "chat_template") is { ValueKind: JsonValueKind.String } text2 ? text2.GetString()
            : null;
    }

    /// <summary>The tokenizer's end token.</summary>
    public string? Token { get; }

    /// <summary>The ids in <c>config.json</c>.</summary>
    public IReadOnlySet<int>? Config { get; }

    /// <summary>The ids in <c>generation_config.json</c>, which libraries go by.</summary>
    public IReadOnlySet<int>? Generation { get; }

    /// <summary>The chat template.</summary>
    public string? Template { get; }

    /// <summary>The ids at which a library stops.</summary>
    public IReadOnlySet<int> Effective => Generation ?? Config ?? new HashSet<int>();

    /// <summary>A token's id; <see langword="null"/> where it is not known.</summary>
    public int? IdOf(string token)
    {
        if (_added.TryGetValue(token, out var id))
            return id;
        if (!_isRead)
        {
            _isRead = true;
            try
            {
                _vocabulary = _files.FirstOrDefault(file => file.Name == ModelVocabulary.FileName) is { } file
                    ? ModelVocabulary.Parse(file.Read())
                    : null;
            }
            catch (Exception e) when (e is FormatException or FileFault)
            {
                // Told where the vocabulary is needed.
            }
        }

        return _vocabulary is not null && _vocabulary.Ids.TryGetValue(token, out id) ? id : null;
    }

    /// <summary>Says which of an output's files disagree; <see langword="null"/> where none do.</summary>
    /// <param name="models">What the files of the merged models say.</param>
    public string? Disagreement(IReadOnlyList<StopTokens> models)
    {
        var id = Token is null ? null : IdOf(Token);
        var says = new List<string>();
        if (Token is not null)
            says.Add($"the tokenizer ends texts with {VocabularyDifference.Shown(Token)}{(id is null ? "" : $" ({id})")}");
        if (Config is not null)
            says.Add($"config.json with {Listed(Config)}");
        if (Generation is not null)
            says.Add($"generation_config.json with {Listed(Generation)}");
        if (Effective.Count > 0 && TurnEnds(models) is { } end)
            return $"{string.Join(", ", says)}, but the chat template ends turns with {end}";
        return (id is { } own && Effective.Count > 0 && !Effective.Contains(own))
            || (Config is not null && Generation is not null && !Config.IsSubsetOf(Generation)) ? string.Join(", ", says) : null;
    }

    // What the template puts after messages counts where a model that was merged stops there: others know better, or were never chat
    // models.
    private string? TurnEnds(IReadOnlyList<StopTokens> models)
    {
        if (Template is null)
            return null;
        var stops = models.SelectMany(model => model.Stops())
            .Where(token =>
                EndWords.Any(word => token.Contains(word, StringComparison.OrdinalIgnoreCase))
                    && Template.Contains(token, StringComparison.Ordinal))
            .Distinct()
            .ToList();
        var known = stops.Select(token => (Token: token, Id: IdOf(token))).Where(stop => stop.Id is not null).ToList();
        return known.Count > 0 && !known.Exists(stop => Effective.Contains(stop.Id!.Value))
            ? string.Join(" or ", known.Select(stop => $"{VocabularyDifference.Shown(stop.Token)} ({stop.Id})"))
            : null;
    }

    // The texts of the tokens at which it stops.
    private IEnumerable<string> Stops()
    {
        var named = Token is { } token ? new[] { token } : [];
        _ = IdOf("\0");
        var texts = _added.Select(pair => (pair.Key, pair.Value))
            .Concat(_vocabulary?.Added.Keys.Select(added => (added, _vocabulary.Ids[added])) ?? []);
        return texts.Where(pair => Effective.Contains(pair.Item2)).Select(pair => pair.Item1).Concat(named);
    }

    private static string Listed(IEnumerable<int> ids) => string.Join(" and ", ids.Order());

    private JsonElement Parse(string name) =>
        _files.FirstOrDefault(file => file.Name == name) is { } file ? Parse(file.Read(), name) : default;

    private static JsonElement Parse(byte[] bytes, string name)
    {
        try
        {
            using var json = StrictJson.Parse(bytes, name);
            return json.RootElement.Clone();
        }
        catch (FileFault)
        {
            return default;
        }
    }

    private static string? TextOf(SideFile file)
    {
        try
        {
            return file.ReadText();
        }
        catch (FileFault)
        {
            return null;
        }
    }

    private static JsonElement? Member(JsonElement owner, string name) =>
        owner.ValueKind == JsonValueKind.Object && owner.TryGetProperty(name, out var value) ? value : null;

    // A token is a text, or an object with its content.
    private static string? TextOf(JsonElement token) =>
        token.ValueKind == JsonValueKind.String ? token.GetString()
            : Member(token, "content") is { ValueKind: JsonValueKind.String } content ? content.GetString()
            : null;

    private static HashSet<int>? Ids(JsonElement owner) => Member(owner, "eos_token_id") switch
    {
        { ValueKind: JsonValueKind.Number } one when one.TryGetInt32(out var id) => [id],
        { ValueKind: JsonValueKind.Array } list =>
            [
                .. list.EnumerateArray()
                    .Where(item => item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out _))
                    .Select(item => item.GetInt32())
            ],
        _ => null,
    };
}
