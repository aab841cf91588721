using MergeTasks.Files;
using MergeTasks.Files.Json;
using MergeTasks.Transformers.Tokenization.AddedTokens;
using MergeTasks.Transformers.Tokenization.Decoders;
using MergeTasks.Transformers.Tokenization.Models;
using MergeTasks.Transformers.Tokenization.PostProcessors;
using MergeTasks.Transformers.Tokenization.PreTokenizers;
using MergeTasks.Transformers.Tokenization.Text;
using MergeTasks.Transformers.Tokenization.Unicode;

namespace MergeTasks.Transformers.Tokenization;

/// <summary>
/// A tokenizer read from a Hugging Face <c>tokenizer.json</c>: text to token ids and back, with the ids that the reference
/// implementation (the <c>tokenizers</c> library, version 0.22) gives.
/// </summary>
/// <remarks>
/// Instances are immutable apart from a cache of words; any number of threads may use one at once. Nothing depends on the runtime's
/// culture, globalization mode or Unicode version. A lone surrogate in text counts as U+FFFD, as it would after encoding in UTF-8.
/// </remarks>
internal sealed class Tokenizer
{
    private readonly AddedVocabulary _added;
    private readonly IPreTokenizer? _preTokenizer;
    private readonly ITokenModel _model;
    private readonly IPostProcessor? _postProcessor;
    private readonly ITokenDecoder? _decoder;

    internal Tokenizer(
        AddedVocabulary added, IPreTokenizer? preTokenizer, ITokenModel model, IPostProcessor? postProcessor, ITokenDecoder? decoder,
        Truncation? truncation, Padding? padding)
    {
        _added = added;
        _preTokenizer = preTokenizer;
        _model = model;
        _postProcessor = postProcessor;
        _decoder = decoder;
        Truncation = truncation;
        Padding = padding;
        AddedTokens = [.. added.Tokens];
        VocabularySize = model.Vocabulary.Ids.Count + AddedTokens.Count(t => !model.Vocabulary.Ids.ContainsKey(t.Content));
    }

    /// <summary>How many different tokens there are, added ones included. Ids may have gaps and so reach beyond it.</summary>
    public int VocabularySize { get; }

    /// <summary>The added tokens, special ones among them, by ascending id.</summary>
    public IReadOnlyList<AddedToken> AddedTokens { get; }

    /// <summary>The file's limit of length, or null.</summary>
    public Truncation? Truncation { get; }

    /// <summary>The file's padding, or null.</summary>
    public Padding? Padding { get; }

    /// <summary>Reads a file.</summary>
    /// <param name="path">The path of a <c>tokenizer.json</c>.</param>
    /// <exception cref="TokenizerException">The file is malformed, or names something that this library does not reproduce
    /// exactly.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static Tokenizer Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return TokenizerReader.Read(InputFile.ReadAll(path, JsonText.LongestFile), path);
    }

    /// <summary>Reads a <c>tokenizer.json</c> from a stream, up to its end.</summary>
    /// <param name="stream">The stream; it is left open.</param>
    /// <param name="name">What messages call the file.</param>
    /// <exception cref="TokenizerException">The file is malformed, or names something that this library does not reproduce
    /// exactly.</exception>
    public static Tokenizer Load(Stream stream, string name = "tokenizer.json")
    {
        ArgumentNullException.ThrowIfNull(stream);
        using var buffer = new MemoryStream();
        stream.CopyTo(buffer);
        return TokenizerReader.Read(buffer.GetBuffer().AsMemory(0, (int)buffer.Length), name);
    }

    /// <summary>Reads a <c>tokenizer.json</c> from memory.</summary>
    /// <param name="utf8Json">The file's bytes.</param>
    /// <param name="name">What messages call the file.</param>
    /// <exception cref="TokenizerException">The file is malformed, or names something that this library does not reproduce
    /// exactly.</exception>
    public static Tokenizer Parse(ReadOnlyMemory<byte> utf8Json, string name = "tokenizer.json") => TokenizerReader.Read(utf8Json, name);

    /// <summary>The id of a token, or null. Tokens are spelt as in the file, byte-level ones in their byte characters.</summary>
    /// <param name="token">The token.</param>
    public int? TokenToId(string token)
    {
        ArgumentNullException.ThrowIfNull(token);
        return _added.Find(token)?.Id ?? (_model.Vocabulary.TryGetId(token, out var id) ? id : null);
    }

    /// <summary>The token of an id as it is spelt in the file, or null.</summary>
    /// <param name="id">The id.</param>
    public string? IdToToken(int id) => _added.Find(id)?.Content ?? _model.Vocabulary.Token(id);

    /// <summary>Encodes a text.</summary>
    /// <param name="text">The text. Added tokens that occur in it are recognized, special ones too.</param>
    /// <param name="addSpecialTokens">Whether the file's template puts special tokens around the text.</param>
    /// <param name="applyLengthRules">
    /// Whether the file's <see cref="Truncation"/> and <see cref="Padding"/> apply, as they do in the reference implementation. Callers
    /// that measure whole texts pass false.
    /// </param>
    /// <returns>The token ids.</returns>
    /// <exception cref="TokenizerException">The text needs an unknown token that the vocabulary does not have.</exception>
    public int[] Encode(string text, bool addSpecialTokens, bool applyLengthRules = true)
    {
        ArgumentNullException.ThrowIfNull(text);
        var pieces = _added.Split(ScalarText.Clean(text));
        if (_preTokenizer is not null) pieces = _preTokenizer.Split(pieces);
        var ids = new List<int>(text.Length / 3 + 8);
        foreach (var piece in pieces)
        {
            if (piece.IsToken) ids.Add(piece.TokenId);
            else _model.Encode(piece.Span, ids);
        }

        if (applyLengthRules && Truncation is not null)
            ids = Truncation.Apply(ids, addSpecialTokens ? _postProcessor?.AddedTokens ?? 0 : 0);
        if (_postProcessor is not null) ids = _postProcessor.Process(ids, addSpecialTokens);
        if (applyLengthRules && Padding is not null) ids = Padding.Apply(ids);
        return [.. ids];
    }

    /// <summary>Turns token ids back into text.</summary>
    /// <param name="ids">The ids; such as have no token, as in models with padded vocabularies, are left out.</param>
    /// <param name="skipSpecialTokens">Whether special tokens are left out.</param>
    /// <returns>The text; bytes that are no UTF-8 appear as U+FFFD.</returns>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens)
    {
        var tokens = new List<string>(ids.Length);
        foreach (var id in ids)
        {
            if (IdToToken(id) is { } token && !(skipSpecialTokens && _added.IsSpecial(token))) tokens.Add(token);
        }

        return _decoder is null ? string.Join(' ', tokens) : string.Concat(_decoder.Decode(tokens));
    }
}
