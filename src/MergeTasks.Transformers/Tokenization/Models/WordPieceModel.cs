using MergeTasks.Transformers.Tokenization.Text;
using MergeTasks.Transformers.Tokenization.Unicode;

namespace MergeTasks.Transformers.Tokenization.Models;

/// <summary>Model WordPiece (Wu et al. 2016; BERT): the longest token that starts the word, then the longest that continues it.</summary>
internal sealed class WordPieceModel(Vocabulary vocabulary, string unknownToken, string continuingPrefix, long maxCodePoints) : ITokenModel
{
    public Vocabulary Vocabulary => vocabulary;

    public void Encode(ReadOnlySpan<char> word, List<int> ids)
    {
        var count = ids.Count;
        if (ScalarText.CountCodePoints(word) > maxCodePoints || !TryDivide(word, ids))
        {
            ids.RemoveRange(count, ids.Count - count);
            ids.Add(UnknownId());
        }
    }

    private bool TryDivide(ReadOnlySpan<char> word, List<int> ids)
    {
        // Candidates that continue the word are looked up in a copy with the prefix in front of them.
        var buffer = new char[continuingPrefix.Length + word.Length];
        continuingPrefix.CopyTo(buffer);
        word.CopyTo(buffer.AsSpan(continuingPrefix.Length));
        for (var start = 0; start < word.Length;)
        {
            if (start > 0) continuingPrefix.CopyTo(buffer.AsSpan(start));
            var end = word.Length;
            var id = -1;
            for (; end > start; end -= char.IsLowSurrogate(word[end - 1]) ? 2 : 1)
            {
                var candidate = start == 0 ? word[..end] : buffer.AsSpan(start, continuingPrefix.Length + end - start);
                if (vocabulary.TryGetId(candidate, out id)) break;
            }

            if (end == start) return false;
            ids.Add(id);
            start = end;
        }

        return true;
    }

    private int UnknownId() =>
        vocabulary.TryGetId(unknownToken, out var id)
            ? id
            : throw new TokenizerException(
                $"The text has a word outside the vocabulary, and the model's unk_token '{unknownToken}' is not in the vocabulary.");
}
