namespace MergeTasks.Transformers.Tokenization.Text;

/// <summary>How a tokenizer file limits the length of an encoded text.</summary>
/// <param name="MaxLength">The most tokens, special ones included.</param>
/// <param name="KeepsEnd">Whether tokens go from the start instead of the end (direction <c>Left</c>).</param>
internal sealed record Truncation(int MaxLength, bool KeepsEnd)
{
    internal List<int> Apply(List<int> ids, int addedTokens)
    {
        var length = Math.Max(0, MaxLength - addedTokens);
        if (ids.Count <= length) return ids;
        return KeepsEnd ? ids[^length..] : ids[..length];
    }
}
