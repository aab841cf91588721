namespace MergeTasks.Transformers.Tokenization.Normalizers;

/// <summary>Text on its way through the normalizers.</summary>
/// <param name="Text">The text, without lone surrogates.</param>
/// <param name="Head">How many of its first UTF-16 units stem from the very beginning of the original text.</param>
internal readonly record struct NormalizedText(string Text, int Head)
{
    /// <summary>The text after each of its characters was replaced in place: its head is the new first character, if it had one.</summary>
    public NormalizedText Mapped(string text) =>
        new(text, Head == 0 || text.Length == 0 ? 0 : char.IsHighSurrogate(text[0]) ? 2 : 1);

    /// <summary>The text after <paramref name="fromStart"/> UTF-16 units at its start and any others elsewhere were removed.</summary>
    public NormalizedText Removed(string text, int fromStart) => new(text, Math.Min(text.Length, Math.Max(0, Head - fromStart)));
}

/// <summary>Rewrites text before it is divided.</summary>
internal interface INormalizer
{
    NormalizedText Normalize(NormalizedText input);
}
