namespace MergeTasks.Transformers.Tokenization.Text;

/// <summary>How a tokenizer file fills up an encoded text.</summary>
/// <param name="Length">The fewest tokens, or null for the text's own number (strategy <c>BatchLongest</c>).</param>
/// <param name="MultipleOf">The length becomes a multiple of this; 0 for any length.</param>
/// <param name="OnTheLeft">Whether the padding comes before the text.</param>
/// <param name="TokenId">The id of the padding.</param>
internal sealed record Padding(int? Length, int MultipleOf, bool OnTheLeft, int TokenId)
{
    internal List<int> Apply(List<int> ids)
    {
        var length = Length ?? ids.Count;
        if (MultipleOf > 0) length = checked((length + MultipleOf - 1) / MultipleOf * MultipleOf);
        var missing = length - ids.Count;
        if (missing > 0) ids.InsertRange(OnTheLeft ? 0 : ids.Count, Enumerable.Repeat(TokenId, missing));
        return ids;
    }
}
