namespace MergeTasks.Transformers.Tokenization.Text;

/// <summary>A part of the text on its way to the model, or an added token that was found.</summary>
/// <param name="Text">The string that holds the part.</param>
/// <param name="Start">Where the part begins, in UTF-16 units.</param>
/// <param name="Length">Its length in UTF-16 units.</param>
/// <param name="Head">
/// How many of its first units stem from the very beginning of the original text; Metaspace's scheme <c>first</c> asks for it.
/// </param>
/// <param name="TokenId">The added token's id, or -1 for text.</param>
internal readonly record struct Piece(string Text, int Start, int Length, int Head, int TokenId)
{
    public ReadOnlySpan<char> Span => Text.AsSpan(Start, Length);

    public bool IsToken => TokenId >= 0;

    public static Piece Whole(string text, int head) => new(text, 0, text.Length, head, -1);

    /// <summary>A part of this piece, by positions within it.</summary>
    public Piece Slice(int start, int end) =>
        new(Text, Start + start, end - start, Math.Max(0, Math.Min(Head - start, end - start)), TokenId);
}
