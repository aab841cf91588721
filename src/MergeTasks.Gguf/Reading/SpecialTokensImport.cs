using System.Text.Json.Nodes;
using MergeTasks.Gguf.Vocabularies;

namespace MergeTasks.Gguf.Reading;

/// <summary>Reads a GGUF file's special tokens, what is put around a text, and chat templates; see <see cref="SpecialTokens"/>.</summary>
/// <param name="file">The file.</param>
/// <param name="tokens">Its tokens.</param>
internal sealed class SpecialTokensImport(GgufFile file, string[] tokens)
{
    /// <summary>What is put around a text, as a post-processor; <see langword="null"/>: nothing is.</summary>
    /// <param name="addsBegin">Whether the token of the beginning is, where the file does not say.</param>
    /// <param name="absent">The token of the beginning, where the file does not say; none where there is none of this id.</param>
    public JsonObject? Around(bool addsBegin, int absent)
    {
        var begin = Id("bos") ?? absent;
        var before = Flag("add_bos_token", addsBegin) && begin >= 0 && begin < tokens.Length ? tokens[begin] : null;
        var after = Flag("add_eos_token", false) && Id("eos") is { } end ? tokens[end] : null;
        if (before is null && after is null)
            return null;
        var special = new JsonObject();
        foreach (var token in new[] { before, after }.OfType<string>().Distinct())
        {
            special[token] = new JsonObject
            {
                ["id"] = token,
                ["ids"] = new JsonArray(Array.IndexOf(tokens, token)),
                ["tokens"] = new JsonArray(token),
            };
        }

        return new JsonObject
        {
            ["type"] = "TemplateProcessing",
            ["single"] = new JsonArray([.. Template(("A", 0))]),
            ["pair"] = new JsonArray([.. Template(("A", 0)), .. Template(("B", 1))]),
            ["special_tokens"] = special,
        };

        IEnumerable<JsonNode> Template((string Id, int Type) sequence)
        {
            if (before is not null)
                yield return Piece("SpecialToken", before, sequence.Type);
            yield return Piece("Sequence", sequence.Id, sequence.Type);
            if (after is not null)
                yield return Piece("SpecialToken", after, sequence.Type);
        }

        static JsonObject Piece(string kind, string id, int type) =>
            new() { [kind] = new JsonObject { ["id"] = id, ["type_id"] = type } };
    }

    /// <summary>The text of <c>tokenizer_config.json</c>: the names of special tokens, and chat templates.</summary>
    public JsonObject Config()
    {
        var config = new JsonObject { ["tokenizer_class"] = "PreTrainedTokenizerFast", ["clean_up_tokenization_spaces"] = false };
        foreach (var (role, key) in SpecialTokens.Roles)
        {
            if (file.Number($"tokenizer.ggml.{key}") is { } id && id >= 0 && id < tokens.Length)
                config[role] = tokens[(int)id];
        }

        const string template = "tokenizer.chat_template";
        var named = file.Keys.Where(key => key.StartsWith(template + ".", StringComparison.Ordinal)).Order(StringComparer.Ordinal).ToList();
        if (named.Count == 0 && file.Text(template) is { } only)
        {
            config["chat_template"] = only;
        }
        else if (named.Count > 0)
        {
            config["chat_template"] = new JsonArray(
            [
                .. (file.Text(template) is { } usual ? new[] { ("default", usual) } : [])
                    .Concat(named.Select(key => (key[(template.Length + 1)..], file.Text(key) ?? "")))
                    .Select(one => new JsonObject { ["name"] = one.Item1, ["template"] = one.Item2 }),
            ]);
        }

        return config;
    }

    /// <summary>A flag of the file's vocabulary.</summary>
    public bool Flag(string key, bool absent) => file.Number($"tokenizer.ggml.{key}") is { } flag ? flag != 0 : absent;

    private int? Id(string role) =>
        file.Number($"tokenizer.ggml.{role}_token_id") is { } id && id >= 0 && id < tokens.Length ? (int)id : null;
}
