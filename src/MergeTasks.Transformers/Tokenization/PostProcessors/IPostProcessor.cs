namespace MergeTasks.Transformers.Tokenization.PostProcessors;

/// <summary>Puts special tokens around an encoded text.</summary>
internal interface IPostProcessor
{
    /// <summary>How many tokens it adds where special tokens are asked for.</summary>
    int AddedTokens { get; }

    List<int> Process(List<int> ids, bool addSpecialTokens);
}
