using MergeTasks.Transformers.Tokenization.Text;
using MergeTasks.Transformers.Tokenization.Unicode;

namespace MergeTasks.Transformers.Tokenization.PreTokenizers;

/// <summary>Component FixedLength: pieces of so many code points.</summary>
internal sealed class FixedLength(int length) : IPreTokenizer
{
    public List<Piece> Split(List<Piece> pieces) => Splitting.Each(pieces, Split);

    private void Split(Piece piece, List<Piece> output)
    {
        for (int start = 0, end = 0; start < piece.Length; start = end)
        {
            for (var i = 0; i < length && end < piece.Length; i++)
            {
                ScalarText.At(piece.Span, end, out var width);
                end += width;
            }

            output.Add(piece.Slice(start, end));
        }
    }
}
