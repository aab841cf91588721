namespace MergeTasks.Transformers.Tokenization.Models;

/// <summary>
/// The merge rules of byte-pair encoding (Sennrich et al. 2016), in order of rank, and their application to a word: always the
/// lowest-ranked applicable rule, and of equals the leftmost.
/// </summary>
internal sealed class BpeMerges
{
    private readonly Dictionary<ulong, int> _ranks;
    private readonly int[] _results;

    /// <param name="merges">Left id, right id and resulting id of each rule. Of a pair given twice the later rule counts.</param>
    public BpeMerges(IReadOnlyList<(int Left, int Right, int Result)> merges)
    {
        _ranks = new(merges.Count);
        _results = new int[merges.Count];
        for (var rank = 0; rank < merges.Count; rank++)
        {
            _ranks[Pair(merges[rank].Left, merges[rank].Right)] = rank;
            _results[rank] = merges[rank].Result;
        }
    }

    /// <summary>Merges the ids from <paramref name="start"/> to the end of the list in place, in O(n log n).</summary>
    public void Apply(List<int> ids, int start)
    {
        var count = ids.Count - start;
        if (count < 2) return;
        var symbols = new Symbol[count];
        for (var i =
            0; i < count; i++) symbols[i] = new Symbol { Id = ids[start + i], Previous = i - 1, Next = i + 1 < count ? i + 1 : -1 };

        // Rank and position order the queue, so one number holds both.
        var queue = new PriorityQueue<int, ulong>(count);
        for (var i = 0; i + 1 < count; i++) Enqueue(queue, symbols, i);
        while (queue.TryDequeue(out var left, out var priority))
        {
            ref var symbol = ref symbols[left];
            if (symbol.IsGone || symbol.Next < 0) continue;
            var right = symbol.Next;
            var result = _results[(int)(priority >> 32)];

            // The pair may have changed since it was queued. What counts is whether it still yields the same token.
            if (!_ranks.TryGetValue(Pair(symbol.Id, symbols[right].Id), out var rank) || _results[rank] != result) continue;
            symbol.Id = result;
            symbol.Next = symbols[right].Next;
            symbols[right].IsGone = true;
            if (symbol.Next >= 0) symbols[symbol.Next].Previous = left;
            if (symbol.Previous >= 0) Enqueue(queue, symbols, symbol.Previous);
            if (symbol.Next >= 0) Enqueue(queue, symbols, left);
        }

        ids.RemoveRange(start, count);
        for (var i = 0; i >= 0; i = symbols[i].Next) ids.Add(symbols[i].Id);
    }

    private void Enqueue(PriorityQueue<int, ulong> queue, Symbol[] symbols, int left)
    {
        if (_ranks.TryGetValue(Pair(symbols[left].Id, symbols[symbols[left].Next].Id), out var rank))
            queue.Enqueue(left, (ulong)rank << 32 | (uint)left);
    }

    private static ulong Pair(int left, int right) => (ulong)(uint)left << 32 | (uint)right;

    private struct Symbol
    {
        public int Id;
        public int Previous;
        public int Next;
        public bool IsGone;
    }
}
