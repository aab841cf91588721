using MergeTasks.Transformers.Tokenization.Patterns;
using MergeTasks.Transformers.Tokenization.Text;

namespace MergeTasks.Transformers.Tokenization.PreTokenizers;

/// <summary>
/// Component ByteLevel: writes every byte of the text's UTF-8 as one printable character (Radford et al. 2019, "Language Models are
/// Unsupervised Multitask Learners"), after GPT-2's split where the file asks for it.
/// </summary>
internal sealed class ByteLevelSplit(bool addsPrefixSpace, bool usesPattern) : IPreTokenizer
{
    /// <summary>GPT-2's published split pattern.</summary>
    private static readonly Pattern Pattern =
        new(@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+");

    public List<Piece> Split(List<Piece> pieces)
    {
        if (addsPrefixSpace) pieces = [.. pieces.Select(WithPrefix)];
        if (usesPattern) pieces = Splitting.Split(pieces, Pattern, SplitBehavior.Isolated);
        return ByteAlphabet.Encode(pieces);
    }

    private static Piece WithPrefix(Piece piece)
    {
        if (piece.IsToken || piece.Span.StartsWith(' ')) return piece;
        return Piece.Whole(string.Concat(" ", piece.Span), piece.Head > 0 ? piece.Head + 1 : 0);
    }
}
