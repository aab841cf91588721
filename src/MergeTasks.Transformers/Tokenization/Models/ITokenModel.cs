using MergeTasks.Transformers.Tokenization.Text;

namespace MergeTasks.Transformers.Tokenization.Models;

/// <summary>Turns one word into token ids.</summary>
internal interface ITokenModel
{
    Vocabulary Vocabulary { get; }

    /// <summary>Appends the ids of one non-empty word. May be called from several threads at once.</summary>
    /// <exception cref="TokenizerException">The word needs an unknown token that the vocabulary does not have.</exception>
    void Encode(ReadOnlySpan<char> word, List<int> ids);
}
