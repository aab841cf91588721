using System.Collections.Concurrent;

namespace MergeTasks.Transformers.Tokenization.Models;

/// <summary>Remembers the ids of words, up to a bound; shared by all threads that encode.</summary>
internal sealed class WordCache
{
    private const int MaxWords = 200_000;
    private const int MaxWordLength = 128;

    private readonly ConcurrentDictionary<string, int[]> _words;
    private readonly ConcurrentDictionary<string, int[]>.AlternateLookup<ReadOnlySpan<char>> _wordsBySpan;
    private int _count;

    public WordCache()
    {
        _words = new(StringComparer.Ordinal);
        _wordsBySpan = _words.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    public bool TryGet(ReadOnlySpan<char> word, out int[]? ids)
    {
        ids = null;
        return word.Length <= MaxWordLength && _wordsBySpan.TryGetValue(word, out ids);
    }

    public void Add(ReadOnlySpan<char> word, ReadOnlySpan<int> ids)
    {
        // Once full, the cache stays as it is: the words met first are the common ones.
        if (word.Length > MaxWordLength || Volatile.Read(ref _count) >= MaxWords) return;
        if (_words.TryAdd(word.ToString(), ids.ToArray())) Interlocked.Increment(ref _count);
    }
}
