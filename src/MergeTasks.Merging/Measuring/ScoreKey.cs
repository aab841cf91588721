using System.Text;
using MergeTasks.Caching;

namespace MergeTasks.Merging.Measuring;

/// <summary>Everything that a score depends on, by name: the entry's identity in the cache, and readable in the entry's file.</summary>
/// <param name="Kind">What is computed.</param>
/// <param name="Ingredients">Name and value, in a fixed order.</param>
internal sealed record ScoreKey(string Kind, IReadOnlyList<KeyValuePair<string, string>> Ingredients)
{
    // Raised whenever the same ingredients would give another score than before.
    private const int Version = 3;

    /// <summary>The entry's name.</summary>
    public ContentDigest Digest { get; } = DigestOf(Kind, Ingredients);

    /// <summary>What an entry's file says of itself.</summary>
    public IEnumerable<KeyValuePair<string, string>> Metadata => [new("score", Kind), new("key", Digest.ToString()), .. Ingredients];

    private static ContentDigest DigestOf(string kind, IReadOnlyList<KeyValuePair<string, string>> ingredients)
    {
        var text = new StringBuilder();
        text.Append($"score {Version}\n{kind}\n");
        foreach (var (name, value) in ingredients)
            text.Append($"{name}={value}\n");
        return ContentDigest.Of(text.ToString());
    }
}
