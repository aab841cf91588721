using MergeTasks.Transformers.Tokenization.Text;

namespace MergeTasks.Transformers.Tokenization.Models;

/// <summary>Model WordLevel: every word is one token.</summary>
internal sealed class WordLevelModel(Vocabulary vocabulary, string unknownToken) : ITokenModel
{
    public Vocabulary Vocabulary => vocabulary;

    public void Encode(ReadOnlySpan<char> word, List<int> ids)
    {
        if (!vocabulary.TryGetId(word, out var id) && !vocabulary.TryGetId(unknownToken, out id))
        {
            throw new TokenizerException(
                $"The word '{word}' is not in the vocabulary, and neither is the model's unk_token '{unknownToken}'.");
        }

        ids.Add(id);
    }
}
