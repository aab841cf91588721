using System.Globalization;
using System.Text;
using System.Text.Json;
using MergeTasks.Files;
using MergeTasks.Files.Json;
using MergeTasks.Merging.Inputs;

namespace MergeTasks.Merging.Planning.Vocabularies;

/// <summary>
/// The tokens and ids of a tokenizer that has no <c>tokenizer.json</c>, as far as they can be compared with another's: sentencepiece
/// models, tables by line or in JSON, and lists of bytes.
/// </summary>
/// <param name="File">The file that they were read from.</param>
/// <param name="Kind">How tokens are written.</param>
/// <param name="Ids">The id of every token.</param>
internal sealed record TokenTable(string File, TokenTableKind Kind, Dictionary<string, int> Ids)
{
    private static readonly string[] SentencePieceFiles = [
        "tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "spm.model", "source.spm"
    ];

    /// <summary>The tokens of a <c>tokenizer.json</c>.</summary>
    public static TokenTable Of(ModelVocabulary vocabulary) =>
        new(ModelVocabulary.FileName, TokenTableKind.Text, new Dictionary<string, int>(vocabulary.Ids, StringComparer.Ordinal));

    /// <summary>Whether a file holds a tokenizer's tokens.</summary>
    public static bool IsTable(string name) =>
        SentencePieceFiles.Contains(name)
            || name is ModelVocabulary.FileName or "vocab.json" or "vocab.txt" or "tekken.json"
            || Path.GetExtension(name) is ".tiktoken" or ".spm";

    /// <summary>Reads the first file that holds tokens; <see langword="null"/> where none can be read.</summary>
    public static TokenTable? Read(IReadOnlyList<SideFile> files)
    {
        foreach (var file in files.Where(file => IsTable(file.Name) && file.Name != ModelVocabulary.FileName)
            .OrderByDescending(file => file.Name is "vocab.json" or "vocab.txt"))
        {
            try
            {
                if (Read(file) is { Ids.Count: > 0 } table)
                    return table;
            }
            catch (Exception e) when (e is FormatException or FileFault or OverflowException)
            {
                // What cannot be read is compared byte by byte.
            }
        }

        return null;
    }

    /// <summary>Says in words how two differ; <see langword="null"/> where they do not, as far as both tell.</summary>
    public static string? Describe(TokenTable first, string firstLabel, TokenTable second, string secondLabel)
    {
        var (one, other) = (first.Ids, second.Ids);
        if (first.Kind != second.Kind || first.File != second.File)
        {
            // Other formats leave out, or number on their own, what is no piece of text; the pieces' order is the same.
            if (first.Kind == TokenTableKind.Bytes && second.Kind == TokenTableKind.Text)
                one = AsText(one);
            if (second.Kind == TokenTableKind.Bytes && first.Kind == TokenTableKind.Text)
                other = AsText(other);
            var common = one.Keys.Where(other.ContainsKey).ToList();
            if (2 * common.Count < Math.Min(one.Count, other.Count))
                return $"only {common.Count} of the {one.Count} tokens in '{firstLabel}' ({first.File}) are among the {other.Count} in "
                    + $"'{secondLabel}' ({second.File})";
            var shift = common.GroupBy(token => other[token] - one[token]).MaxBy(group => group.Count())!.Key;
            var moved = common.Where(token => other[token] - one[token] != shift).ToList();
            var most = Math.Max(8, common.Count / 100);
            return moved.Count <= most
                && (shift == 0 || first.Kind != second.Kind || Math.Abs(shift) < 4)
                && Missing(one, other) <= most ? null
                : $"{moved.Count} tokens have other ids in '{secondLabel}' ({second.File}) than in '{firstLabel}' ({first.File}), "
                    + $"and {Missing(one, other)} only one of them has";
        }

        var differences = one.Where(pair => !other.TryGetValue(pair.Key, out var id) || id != pair.Value).OrderBy(pair => pair.Value)
            .Select(pair =>
                other.TryGetValue(pair.Key, out var id)
                    ? $"{VocabularyDifference.Shown(pair.Key)} is {pair.Value} in '{firstLabel}' and {id} in '{secondLabel}'"
                    : $"{VocabularyDifference.Shown(pair.Key)} ({pair.Value}) only in '{firstLabel}'")
            .Concat(
                other.Where(pair => !one.ContainsKey(pair.Key))
                    .OrderBy(pair => pair.Value)
                    .Select(pair => $"{VocabularyDifference.Shown(pair.Key)} ({pair.Value}) only in '{secondLabel}'")).ToList();
        return differences.Count == 0
            ? null
            : string.Join(", ", differences.Take(5)) + (differences.Count > 5 ? $"; {differences.Count - 5} more" : "");
    }

    // Tokens below the smaller table's end that the other lacks: beyond it are tokens that were added later.
    private static int Missing(Dictionary<string, int> one, Dictionary<string, int> other)
    {
        var end = Math.Min(one.Values.Max(), other.Values.Max()) + 1;
        return Math.Max(
            one.Count(pair => pair.Value < end && !other.ContainsKey(pair.Key)),
            other.Count(pair => pair.Value < end && !one.ContainsKey(pair.Key)));
    }

    // The bytes of a token as byte-level tokenizers write them: GPT-2's printable stand-ins.
    private static Dictionary<string, int> AsText(Dictionary<string, int> bytes)
    {
        var text = new Dictionary<string, int>(StringComparer.Ordinal);
        var stand = Enumerable.Range(0, 256).Where(IsPrintable).ToDictionary(b => b, b => (char)b);
        foreach (var (b, i) in Enumerable.Range(0, 256).Where(b => !IsPrintable(b)).Select((b, i) => (b, i)))
            stand[b] = (char)(256 + i);
        foreach (var (token, id) in bytes)
            text[string.Concat(token.Select(b => b < 256 ? stand[b] : b))] = id;
        return text;

        static bool IsPrintable(int b) => b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
    }

    private static TokenTable? Read(SideFile file) => Path.GetExtension(file.Name) switch
    {
        ".tiktoken" => new(file.Name, TokenTableKind.Bytes, Ranks(file)),
        ".txt" => new(file.Name, TokenTableKind.Text, Lines(file)),
        ".json" when file.Name == "vocab.json" => new(file.Name, TokenTableKind.Text, Table(file)),
        ".json" => new(file.Name, TokenTableKind.Bytes, Tekken(file)),
        _ when file.Read() is var bytes && bytes.Length > 0 && bytes[0] == 0x0A => new(file.Name, TokenTableKind.Text, Pieces(bytes)),
        _ => new(file.Name, TokenTableKind.Bytes, Ranks(file)),
    };

    private static Dictionary<string, int> Lines(SideFile file)
    {
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        var lines = file.ReadText().Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            if (lines[i].TrimEnd('\r') is { Length: > 0 } token)
                ids.TryAdd(token, i);
        }

        return ids;
    }

    private static Dictionary<string, int> Table(SideFile file)
    {
        using var json = StrictJson.Parse(file.Read(), file.Source ?? file.Name);
        return json.RootElement.ValueKind != JsonValueKind.Object ? []
            : json.RootElement
                .EnumerateObject()
                .ToDictionary(entry => entry.Name, entry => NumberOf(entry.Value) ?? -1, StringComparer.Ordinal);
    }

    // A line of a token's bytes in base 64 and its rank.
    private static Dictionary<string, int> Ranks(SideFile file)
    {
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var line in file.ReadText().Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.Trim().Split(' ') is not [var token, var rank])
                throw new FormatException();
            ids[Encoding.Latin1.GetString(Convert.FromBase64String(token))] = int.Parse(
                rank, NumberStyles.None, CultureInfo.InvariantCulture);
        }

        return ids;
    }

    // Mistral's: special tokens come first, so a rank becomes an id by adding their number.
    private static Dictionary<string, int> Tekken(SideFile file)
    {
        using var json = StrictJson.Parse(file.Read(), file.Source ?? file.Name);
        var (root, ids) = (json.RootElement, new Dictionary<string, int>(StringComparer.Ordinal));
        if (root.ValueKind != JsonValueKind.Object
            || !root.TryGetProperty("vocab", out var vocab)
            || vocab.ValueKind != JsonValueKind.Array)
            throw new FormatException();
        var config = Member(root, "config");
        var special = Member(config, "default_num_special_tokens") is { } count ? Number(count) : 0;
        var size = Member(config, "default_vocab_size") is { } total ? Number(total) : int.MaxValue;
        foreach (var entry in vocab.EnumerateArray())
        {
            if (Member(entry, "token_bytes") is not { ValueKind: JsonValueKind.String } bytes || Member(entry, "rank") is not { } rank
                || Number(rank) is var number && number < 0)
                throw new FormatException();
            if ((long)number + special < size)
                ids[Encoding.Latin1.GetString(Convert.FromBase64String(bytes.GetString()!))] = checked(number + special);
        }

        return ids;
    }

    private static JsonElement? Member(JsonElement? owner, string name) =>
        owner is { ValueKind: JsonValueKind.Object } json && json.TryGetProperty(name, out var value) ? value : null;

    private static int Number(JsonElement value) => NumberOf(value) ?? throw new FormatException();

    private static int? NumberOf(JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) ? number : null;

    // A protocol buffer whose field 1 is a piece, repeated, whose field 1 is its text.
    private static Dictionary<string, int> Pieces(ReadOnlySpan<byte> bytes)
    {
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        var (at, id) = (0, 0);
        while (at < bytes.Length)
        {
            if (Next(bytes, ref at) is (1, var piece) && !piece.Equals(default))
                ids.TryAdd(TextOf(bytes[piece]), id++);
        }

        return ids;
    }

    private static string TextOf(ReadOnlySpan<byte> piece)
    {
        var at = 0;
        while (at < piece.Length)
        {
            if (Next(piece, ref at) is (1, var text) && !text.Equals(default))
                return Encoding.UTF8.GetString(piece[text]);
        }

        return "";
    }

    // A field's number, and where its bytes are if it has a length.
    private static (int Field, Range Bytes) Next(ReadOnlySpan<byte> bytes, ref int at)
    {
        var key = Variable(bytes, ref at);
        var length = (key & 7) switch
        {
            0 => Variable(bytes, ref at) * 0,
            1 => 8UL,
            2 => Variable(bytes, ref at),
            5 => 4UL,
            _ => throw new FormatException(),
        };
        if (length > (ulong)(bytes.Length - at))
            throw new FormatException();
        var start = at;
        at += (int)length;
        return ((int)(key >> 3), (key & 7) == 2 ? start..at : default);
    }

    private static ulong Variable(ReadOnlySpan<byte> bytes, ref int at)
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            if (at >= bytes.Length)
                throw new FormatException();
            var part = bytes[at++];
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80)
                return value;
        }

        throw new FormatException();
    }
}

/// <summary>How tokens of a table are written.</summary>
internal enum TokenTableKind
{
    /// <summary>As tokenizers print them.</summary>
    Text,

    /// <summary>A character for each byte.</summary>
    Bytes,
}
