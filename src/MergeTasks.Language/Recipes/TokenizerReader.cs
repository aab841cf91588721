using MergeTasks.Language.Diagnostics;
using YamlDotNet.RepresentationModel;

namespace MergeTasks.Language.Recipes;

/// <summary>Reads <c>tokenizer</c> and its older form <c>tokenizer_source</c>.</summary>
internal sealed class TokenizerReader(RecipeNodes nodes, ReferenceReader references)
{
    /// <summary>Reads the section out of a recipe's top-level entries; <see langword="null"/> where there is none.</summary>
    public RecipeTokenizer? Read(RecipeEntries root)
    {
        var (isOld, isNew) = (root.TryGetValue("tokenizer_source", out var source), root.TryGetValue("tokenizer", out var section));
        if (isOld && isNew)
        {
            nodes.Report(
                DiagnosticCode.AmbiguousRecipe,
                "Both 'tokenizer' and 'tokenizer_source' are given; they say the same thing in two ways. Keep one.",
                source.Key);
            return null;
        }

        if (isOld)
            return ReadVocabulary(source.Value, "tokenizer_source") is { } vocabulary
                ? new RecipeTokenizer(vocabulary, nodes.At(source.Key))
                : null;
        if (!isNew)
            return null;
        if (section.Value is not YamlMappingNode mapping)
        {
            nodes.Report(
                DiagnosticCode.WrongForm,
                "'tokenizer' is a mapping with 'source', 'tokens' and 'pad_to_multiple_of'; the short form is 'tokenizer_source: base'.",
                section.Value.Start);
            return null;
        }

        var entries = nodes.Entries(mapping, RecipeKeys.Tokenizer);
        var named = entries.Find("source") is { } node ? ReadVocabulary(node, "source") : new RecipeVocabulary.Union();
        return named is null ? null : new RecipeTokenizer(named, nodes.At(section.Key))
        {
            Tokens = entries.Find("tokens") is { } tokens ? ReadTokens(tokens) : [],
            PadToMultipleOf = entries.Find("pad_to_multiple_of") is { } multiple
                ? nodes.WholeNumber(multiple, "pad_to_multiple_of", 1)
                : null,
        };
    }

    private RecipeVocabulary? ReadVocabulary(YamlNode node, string key) =>
        node is YamlScalarNode { Value: var text } && text is "union" or "base"
        ? ((YamlScalarNode)node).Value == "union" ? new RecipeVocabulary.Union() : new RecipeVocabulary.Base()
        : node is YamlScalarNode { Value: { } old }
            && old.StartsWith("model:", StringComparison.Ordinal) ? OldForm(node, key, old["model:".Length..])
        : references.Read(node, key) is { } model ? new RecipeVocabulary.OfModel(model) : null;

    private RecipeVocabulary? OldForm(YamlNode node, string key, string model)
    {
        nodes.Report(
            DiagnosticCode.InvalidTokenizerSource,
            $"'model:' is mergekit's older way to name a model here; write the model itself: '{key}: {model}'.",
            node.Start);
        return null;
    }

    private List<RecipeToken> ReadTokens(YamlNode node)
    {
        var tokens = new List<RecipeToken>();
        if (node is not YamlMappingNode mapping)
        {
            nodes.Report(DiagnosticCode.WrongForm, "'tokens' is a mapping of tokens to '{source: …, force: …}'.", node.Start);
            return tokens;
        }

        foreach (var (key, value) in nodes.Members(mapping))
        {
            if (key is not YamlScalarNode { Value: { Length: > 0 } token } || value is not YamlMappingNode settings)
            {
                nodes.Report(
                    DiagnosticCode.WrongForm, "A token's rule is a mapping: '\"<token>\": {source: model, force: true}'.", value.Start);
                continue;
            }

            var entries = nodes.Entries(settings, RecipeKeys.Token);
            tokens.Add(new RecipeToken(token, nodes.At(key.Start))
            {
                Source = entries.Find("source") is { } source ? ReadRow(source) : null,
                IsForced = entries.Find("force") is { } force && nodes.Flag(force, "force") == true,
            });
        }

        return tokens;
    }

    private RecipeTokenRow? ReadRow(YamlNode node)
    {
        if (node is not YamlMappingNode mapping || !mapping.Children.ContainsKey(new YamlScalarNode("kind")))
            return references.Read(node, "source") is { } model ? new RecipeTokenRow.OfModel(model) : null;
        var entries = nodes.Entries(mapping, RecipeKeys.TokenRow);
        switch (nodes.Text(entries["kind"].Value, "kind"))
        {
            case "zero":
                return new RecipeTokenRow.Zero();
            case "model_token":
                return ReadOtherToken(mapping, entries);
            case { } kind:
                nodes.Report(
                    DiagnosticCode.InvalidValue,
                    $"There is no kind '{kind}' of source.{Suggestion.Sentence(kind, ["zero", "model_token"])}",
                    entries["kind"].Value.Start);
                return null;
            default:
                return null;
        }
    }

    private RecipeTokenRow.OfToken? ReadOtherToken(YamlMappingNode mapping, RecipeEntries entries)
    {
        var (token, id) = (entries.Find("token"), entries.Find("token_id"));
        if (entries.Find("model") is not { } model || token is null == id is null)
        {
            nodes.Report(
                DiagnosticCode.MissingKey, "The kind 'model_token' needs 'model', and one of 'token' and 'token_id'.", mapping.Start);
            return null;
        }

        var (text, number) = (token is null ? null : nodes.Text(token, "token"), id is null ? null : nodes.WholeNumber(id, "token_id", 0));
        return references.Read(model, "model") is { } reference && (text is not null || number is not null)
            ? new RecipeTokenRow.OfToken(reference, text, number)
            : null;
    }
}
