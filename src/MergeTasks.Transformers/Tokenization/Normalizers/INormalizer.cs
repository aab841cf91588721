namespace MergeTasks.Transformers.Tokenization.Normalizers;

/// <summary>Text on its way through the normalizers.</summary>
/// <param name="Text">The text, without lone surrogates.</param>
/// <param name="Head">How many of its first UTF-16 units stem from the very beginning of the original text.</param>
internal readonly record struct NormalizedText(string Text, int Head)
{
    /// <summary>The text after every character was mapped in place, to one or more: what its head becomes is the new head.</summary>
    public NormalizedText Mapped(Func<string, string> map)
    {
        var text = map(Text);
        return new(text, Head == 0 ? 0 : Math.Min(map(Text[..Head]).Length, text.Length));
    }

    /// <summary>The text after <paramref name="fromStart"/> UTF-16 units at its start and any others elsewhere were removed.</summary>
    public NormalizedText Removed(string text, int fromStart) => new(text, Math.Min(text.Length, Math.Max(0, Head - fromStart)));
}

/// <summary>Rewrites text before it is divided.</summary>
internal interface INormalizer
{
    NormalizedText Normalize(NormalizedText input);
}
