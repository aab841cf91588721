using System.Globalization;
using System.Text;
using MergeTasks.Merging.Planning.Vocabularies;
using MergeTasks.Transformers.Tokenization.Text;

namespace MergeTasks.Merging.Planning.Assembling;

/// <summary>
/// Tokens of one vocabulary by what they stand for, so that tokens of vocabularies that write them differently are found to be the same:
/// by their role (the end of texts), by their text with the mark of a word's beginning read as a space, or by their bytes
/// (<c>Ġthe</c> of a byte-level vocabulary is <c>▁the</c> of SentencePiece, <c>&lt;0x0A&gt;</c> a line feed).
/// </summary>
internal sealed class TokenBytes
{
    private readonly ModelVocabulary _vocabulary;
    private readonly IReadOnlyDictionary<string, string> _roles;
    private readonly bool _isByteLevel;
    private readonly bool _hasSpaceMarks;
    private readonly Dictionary<string, int> _byBytes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _byText = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _byRole = new(StringComparer.Ordinal);

    /// <summary>A vocabulary's.</summary>
    /// <param name="vocabulary">The vocabulary.</param>
    /// <param name="file">The text of its file.</param>
    /// <param name="roles">By the token, the role that it has.</param>
    public TokenBytes(ModelVocabulary vocabulary, byte[] file, IReadOnlyDictionary<string, string> roles)
    {
        (_vocabulary, _roles) = (vocabulary, roles);
        _isByteLevel = file.AsSpan().IndexOf("\"ByteLevel\""u8) >= 0;
        _hasSpaceMarks = !_isByteLevel && vocabulary.Kind is "BPE" or "Unigram";
        foreach (var (token, id) in vocabulary.Ordered)
        {
            _byBytes.TryAdd(BytesOf(token), id);
            _byText.TryAdd(TextOf(token), id);
            if (roles.TryGetValue(token, out var role))
                _byRole.TryAdd(role, id);
        }
    }

    /// <summary>
    /// The id here of a token of another vocabulary: of the same role, of the same text, or of the same bytes; <see langword="null"/>: none.
    /// </summary>
    /// <param name="token">The token.</param>
    /// <param name="other">Its vocabulary.</param>
    /// <param name="byBytes">Whether tokens are compared by their bytes, or as they are written.</param>
    public int? Find(string token, TokenBytes other, bool byBytes)
    {
        if (other._roles.TryGetValue(token, out var role) && _byRole.TryGetValue(role, out var same))
            return same;
        if (!byBytes)
            return _byText.TryGetValue(other.TextOf(token), out same) ? same : null;
        var bytes = other.BytesOf(token);
        if (_vocabulary.Ids.TryGetValue(token, out same) && BytesOf(token) == bytes)
            return same;
        return _byBytes.TryGetValue(bytes, out same) ? same : null;
    }

    /// <summary>
    /// The ids here of the tokens that a token of another vocabulary begins with, the longest first: of whole characters, and not of white
    /// space alone. None for tokens that have a role.
    /// </summary>
    public IEnumerable<int> Prefixes(string token, TokenBytes other)
    {
        if (other._roles.ContainsKey(token))
            yield break;
        var bytes = other.BytesOf(token);
        for (var length = bytes.Length - 1; length > 0; length--)
        {
            // What follows begins with no continuation byte of UTF-8.
            if ((bytes[length] & 0xC0) == 0x80)
                continue;
            if (string.IsNullOrWhiteSpace(bytes[..length]))
                yield break;
            if (_byBytes.TryGetValue(bytes[..length], out var id))
                yield return id;
        }
    }

    // As it is written, with the mark of a word's beginning read as a space.
    private string TextOf(string token)
    {
        var mark = _isByteLevel ? '\u0120' : _hasSpaceMarks ? '\u2581' : '\0';
        return !_vocabulary.Added.ContainsKey(token) && token.StartsWith(mark) ? " " + token[1..] : token;
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
