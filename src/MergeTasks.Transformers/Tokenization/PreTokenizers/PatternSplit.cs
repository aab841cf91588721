using MergeTasks.Transformers.Tokenization.Patterns;
using MergeTasks.Transformers.Tokenization.Text;

namespace MergeTasks.Transformers.Tokenization.PreTokenizers;

/// <summary>
/// Splits at a pattern's matches. The components Split, Digits, Punctuation, Whitespace, WhitespaceSplit and CharDelimiterSplit are
/// this with different patterns.
/// </summary>
internal sealed class PatternSplit(ITextPattern pattern, SplitBehavior behavior, bool invert = false) : IPreTokenizer
{
    public List<Piece> Split(List<Piece> pieces) => Splitting.Split(pieces, pattern, behavior, invert);
}
