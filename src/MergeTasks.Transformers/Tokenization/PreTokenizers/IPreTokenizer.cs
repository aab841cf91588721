using MergeTasks.Transformers.Tokenization.Text;

namespace MergeTasks.Transformers.Tokenization.PreTokenizers;

/// <summary>Divides text into the words that the model encodes one by one.</summary>
internal interface IPreTokenizer
{
    /// <summary>Divides every piece that is not a token; empty pieces vanish.</summary>
    List<Piece> Split(List<Piece> pieces);
}
