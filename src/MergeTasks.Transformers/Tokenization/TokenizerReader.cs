using System.Text.Json;
using MergeTasks.Files;
using MergeTasks.Files.Json;
using MergeTasks.Transformers.Tokenization.AddedTokens;
using MergeTasks.Transformers.Tokenization.Decoders;
using MergeTasks.Transformers.Tokenization.Loading;
using MergeTasks.Transformers.Tokenization.Models;
using MergeTasks.Transformers.Tokenization.Normalizers;
using MergeTasks.Transformers.Tokenization.PostProcessors;
using MergeTasks.Transformers.Tokenization.PreTokenizers;
using MergeTasks.Transformers.Tokenization.Text;

namespace MergeTasks.Transformers.Tokenization;

/// <summary>Reads a whole <c>tokenizer.json</c>.</summary>
internal static class TokenizerReader
{
    public static Tokenizer Read(ReadOnlyMemory<byte> utf8Json, string name)
    {
        try
        {
            using var document = StrictJson.Parse(utf8Json, name);
            return Read(new JsonComponent(document.RootElement, name, ""));
        }
        catch (FileFault e)
        {
            throw new TokenizerException($"{name}: the file {e.Reason}.", e);
        }
    }

    private static Tokenizer Read(JsonComponent file)
    {
        if (file.OptionalString("version") is not (null or "1.0") and var version)
            throw file.Error($"has the version '{version}'; only version 1.0 is known");
        var normalizer = file.OptionalComponent("normalizer") is { } n ? NormalizerReader.Read(n) : null;
        var preTokenizer = file.OptionalComponent("pre_tokenizer") is { } p ? PreTokenizerReader.Read(p) : null;
        var model = ModelReader.Read(file.Component("model"));
        var postProcessor = file.OptionalComponent("post_processor") is { } o ? PostProcessorReader.Read(o) : null;
        var decoder = file.OptionalComponent("decoder") is { } d ? DecoderReader.Read(d) : null;
        var truncation = file.OptionalComponent("truncation") is { } t
            ? LengthRulesReader.ReadTruncation(t, postProcessor?.AddedTokens ?? 0)
            : null;
        var padding = file.OptionalComponent("padding") is { } a ? LengthRulesReader.ReadPadding(a) : null;
        var added = ReadAddedTokens(file, model.Vocabulary, normalizer);
        file.Done();
        return new(added, preTokenizer, model, postProcessor, decoder, truncation, padding);
    }

    private static AddedVocabulary ReadAddedTokens(JsonComponent file, Vocabulary vocabulary, INormalizer? normalizer)
    {
        var tokens = new List<AddedToken>();
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        var next = vocabulary.Count;
        foreach (var component in file.Optional("added_tokens") is null ? [] : file.Components("added_tokens"))
        {
            var token = ReadAddedToken(component);
            if (token.Content.Length == 0) continue;
            if (!ids.TryGetValue(token.Content, out var id) && !vocabulary.TryGetId(token.Content, out id)) id = next++;

            // The reference numbers added tokens anew: by the vocabulary where they are in it, else from its size on.
            if (id != token.Id)
                throw component.Error(
                    $"gives the token '{token.Content}' the id {token.Id}, but by the vocabulary and the tokens before it, it has the "
                        + $"id {id}");
            ids[token.Content] = id;
            tokens.Add(token);
        }

        return new(tokens, normalizer);
    }

    private static AddedToken ReadAddedToken(JsonComponent component)
    {
        var token = new AddedToken(
            component.Int("id"), component.String("content"), component.Bool("single_word"), component.Bool("lstrip"),
            component.Bool("rstrip"), component.Bool("normalized"), component.Bool("special"));
        component.Done();
        return token;
    }
}
