using MergeTasks.Transformers.Tokenization.Text;

namespace MergeTasks.Transformers.Tokenization.PreTokenizers;

/// <summary>Component Sequence, and BertPreTokenizer as the two splits that it consists of.</summary>
internal sealed class PreTokenizerSequence(IReadOnlyList<IPreTokenizer> steps) : IPreTokenizer
{
    public List<Piece> Split(List<Piece> pieces)
    {
        foreach (var step in steps) pieces = step.Split(pieces);
        return pieces;
    }
}
