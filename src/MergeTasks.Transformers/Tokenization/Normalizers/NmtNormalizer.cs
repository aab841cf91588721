using MergeTasks.Transformers.Tokenization.Unicode;

namespace MergeTasks.Transformers.Tokenization.Normalizers;

/// <summary>Component Nmt, SentencePiece's "nmt" rule: control characters go, line ends and separators become spaces.</summary>
internal sealed class NmtNormalizer : INormalizer
{
    private static readonly FilterNormalizer Controls = new(CodePointSet.OfRanges(
        [(0x01, 0x08), (0x0B, 0x0B), (0x0E, 0x1F), (0x7F, 0x7F), (0x8F, 0x8F), (0x9F, 0x9F)]));

    private static readonly CodePointSet Spaces = CodePointSet.OfRanges(
        [(0x09, 0x0A), (0x0C, 0x0D), (0x1680, 0x1680), (0x200B, 0x200F), (0x2028, 0x2029), (0x2581, 0x2581), (0xFEFF, 0xFEFF),
            (0xFFFD, 0xFFFD)]);

    public NormalizedText Normalize(NormalizedText input)
    {
        return Controls.Normalize(input).Mapped(static text => string.Create(text.Length, text, static (target, source) =>
        {
            for (var i = 0; i < source.Length; i++) target[i] = Spaces.Contains(source[i]) ? ' ' : source[i];
        }));
    }
}
