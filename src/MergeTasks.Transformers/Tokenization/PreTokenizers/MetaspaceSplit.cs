using System.Text;
using MergeTasks.Transformers.Tokenization.Patterns;
using MergeTasks.Transformers.Tokenization.Text;
using MergeTasks.Transformers.Tokenization.Unicode;

namespace MergeTasks.Transformers.Tokenization.PreTokenizers;

/// <summary>Where Metaspace puts its mark in front of a text that does not start with it.</summary>
internal enum PrependScheme
{
    /// <summary>Before every piece.</summary>
    Always,

    /// <summary>Before the piece at the very beginning of the text.</summary>
    First,

    /// <summary>Nowhere.</summary>
    Never,
}

/// <summary>Component Metaspace (SentencePiece, Kudo and Richardson 2018): spaces become a visible mark that opens words.</summary>
internal sealed class MetaspaceSplit(Rune mark, PrependScheme scheme, bool splits) : IPreTokenizer
{
    private readonly string _mark = mark.ToString();
    private readonly SetPattern _pattern = new(CodePointSet.Of(mark.Value));

    public List<Piece> Split(List<Piece> pieces)
    {
        var marked = new List<Piece>(pieces.Count);
        foreach (var piece in pieces) marked.Add(piece.IsToken ? piece : Mark(piece));
        return splits ? Splitting.Split(marked, _pattern, SplitBehavior.MergedWithNext) : marked;
    }

    private Piece Mark(Piece piece)
    {
        var text = piece.Span.ToString().Replace(" ", _mark, StringComparison.Ordinal);
        var head = piece.Head == 0 ? 0 : piece.Span[0] == ' ' ? _mark.Length : piece.Head;
        var prepends = scheme == PrependScheme.Always || (scheme == PrependScheme.First && head > 0);
        if (!prepends || text.StartsWith(_mark, StringComparison.Ordinal)) return Piece.Whole(text, head);
        return Piece.Whole(_mark + text, head > 0 ? head + _mark.Length : 0);
    }
}
