using System.Globalization;
using System.Text;
using MergeTasks.Merging.Planning.Vocabularies;
using MergeTasks.Transformers.Tokenization.Text;

namespace MergeTasks.Merging.Planning.Assembling;

/// <summary>
/// Tokens of one vocabulary by the bytes that they stand for, so that tokens of vocabularies that write them differently are found to be
/// the same: <c>Ġthe</c> of a byte-level one, <c>▁the</c> of SentencePiece.
/// </summary>
internal sealed class TokenBytes
{
    private readonly ModelVocabulary _vocabulary;
    private readonly bool _isByteLevel;
    private readonly bool _hasSpaceMarks;
    private readonly Dictionary<string, int> _ids = new(StringComparer.Ordinal);

    /// <summary>A vocabulary's.</summary>
    /// <param name="vocabulary">The vocabulary.</param>
    /// <param name="file">The text of its file.</param>
    public TokenBytes(ModelVocabulary vocabulary, byte[] file)
    {
        _vocabulary = vocabulary;
        _isByteLevel = file.AsSpan().IndexOf("\"ByteLevel\""u8) >= 0;
        _hasSpaceMarks = !_isByteLevel && vocabulary.Kind is "BPE" or "Unigram";
        foreach (var (token, id) in vocabulary.Ordered)
            _ids.TryAdd(BytesOf(token), id);
    }

    /// <summary>
    /// The id of a token of another vocabulary here: of the same text, else of the same bytes; <see langword="null"/>: none.
    /// </summary>
    public int? Find(string token, TokenBytes other)
    {
        if (_vocabulary.Ids.TryGetValue(token, out var same) && BytesOf(token) == other.BytesOf(token))
            return same;
        return _ids.TryGetValue(other.BytesOf(token), out var id) ? id : null;
    }

    // As a text with a character for each byte. What is no text of the alphabet is written as it is.
    private string BytesOf(string token)
    {
        if (_vocabulary.Added.ContainsKey(token))
            return Plain(token);
        if (_isByteLevel)
        {
            var bytes = token.Select(ByteAlphabet.Byte).ToArray();
            return Array.TrueForAll(bytes, value => value >= 0) ? string.Concat(bytes.Select(value => (char)value)) : Plain(token);
        }

        if (!_hasSpaceMarks)
            return Plain(token);
        return token is ['<', '0', 'x', _, _, '>']
            && byte.TryParse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var single)
            ? ((char)single).ToString()
            : Plain(token.Replace('\u2581', ' '));
    }

    private static string Plain(string text) => Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(text));
}
