using MergeTasks.Transformers.Tokenization.Text;
using MergeTasks.Transformers.Tokenization.Unicode;

namespace MergeTasks.Transformers.Tokenization.PreTokenizers;

/// <summary>Component FixedLength: pieces of so many code points.</summary>
internal sealed class FixedLength(int length) : IPreTokenizer
{
    public List<Piece> Split(List<Piece> pieces)
    {
        var output = new List<Piece>();
        foreach (var piece in pieces)
        {
            if (piece.IsToken)
            {
                output.Add(piece);
                continue;
            }

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

        return output;
    }
}
