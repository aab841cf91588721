using MergeTasks.Merging.Measuring;

namespace MergeTasks.Merging.Build;

/// <summary>A score, or a part of one, that a machine may compute by itself and put into the cache.</summary>
/// <param name="Number">From 1, in an order in which each comes after those that it needs.</param>
/// <param name="Merge">The first merge that needs it.</param>
/// <param name="Request">What is computed.</param>
/// <param name="After">Numbers of the pieces that it needs; where one is missing, it is computed with this one.</param>
/// <param name="IsCached">Whether the cache has it.</param>
internal sealed record ScorePiece(int Number, string Merge, ScoreRequest Request, IReadOnlyList<int> After, bool IsCached)
{
    /// <summary>The pieces of some merges' scores.</summary>
    /// <param name="merges">Names, and the scores that they need.</param>
    /// <param name="piecesOf">The pieces of a score of a merge.</param>
    /// <param name="isCached">Whether the cache has a score; then nothing of it need be computed.</param>
    public static IReadOnlyList<ScorePiece> Of(
        IEnumerable<(string Merge, IEnumerable<ScoreRequest> Requests)> merges,
        Func<string, ScoreRequest, IReadOnlyList<ScoreRequest>> piecesOf,
        Func<ScoreRequest, bool> isCached)
    {
        var pieces = new List<ScorePiece>();
        var numbers = new Dictionary<Caching.ContentDigest, IReadOnlyList<int>>();
        foreach (var (merge, requests) in merges)
        {
            foreach (var request in requests)
                Add(merge, request);
        }

        return pieces;

        IReadOnlyList<int> Add(string merge, ScoreRequest request)
        {
            if (numbers.TryGetValue(request.Key.Digest, out var known))
                return known;
            int[] after = [.. request.Needs.SelectMany(need => Add(merge, need)).Distinct().Order()];
            var isWhole = isCached(request);
            var own = new List<int>();
            foreach (var piece in piecesOf(merge, request))
            {
                own.Add(pieces.Count + 1);
                pieces.Add(new ScorePiece(own[^1], merge, piece, after, isWhole || (piece != request && isCached(piece))));
            }

            return numbers[request.Key.Digest] = own;
        }
    }
}
