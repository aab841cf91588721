using System.Text.Json;

namespace MergeTasks.Gguf.Vocabularies;

/// <summary>
/// Recovers the order in which SentencePiece joins pieces from a <c>tokenizer.json</c>, which has it as merges: a piece's score is minus
/// the place of its first merge. That is the same tokenizer only where every way to join a piece from two others is among the merges, as
/// it is in files that were made from a SentencePiece model; that is checked.
/// </summary>
internal static class SentencePieceScores
{
    /// <summary>The score of each token.</summary>
    /// <exception cref="Format.GgufException">A way to join a piece is missing.</exception>
    public static float[] Of(JsonElement model, string[] tokens, TokenKind[] kinds)
    {
        var places = new Dictionary<string, int>(StringComparer.Ordinal);
        var merges = new HashSet<(string, string)>();
        foreach (var (left, right) in VocabularyExport.MergesOf(model))
        {
            places.TryAdd(left + right, places.Count);
            merges.Add((left, right));
        }

        var pieces = new HashSet<string>(tokens.Where((_, id) => kinds[id] == TokenKind.Normal), StringComparer.Ordinal);
        var joined = pieces.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach (var piece in pieces)
        {
            for (var at = 1; at < piece.Length; at++)
            {
                if (char.IsLowSurrogate(piece[at]) || !joined.Contains(piece.AsSpan(0, at)) || !joined.Contains(piece.AsSpan(at)))
                    continue;
                if (!merges.Contains((piece[..at], piece[at..])))
                {
                    throw VocabularyExport.Refusal(
                        $"the tokenizer's merges are not those of a SentencePiece model, which would also join '{piece[..at]}' and "
                            + $"'{piece[at..]}'; GGUF has no other BPE with bytes for unknown characters");
                }
            }
        }

        return [.. tokens.Select((token, id) => kinds[id] switch
        {
            TokenKind.Normal => places.TryGetValue(token, out var place) ? -place : -places.Count,
            TokenKind.Unused => -10000f - places.Count,
            _ => 0f,
        })];
    }
}
