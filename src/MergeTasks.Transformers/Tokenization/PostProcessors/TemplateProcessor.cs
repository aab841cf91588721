namespace MergeTasks.Transformers.Tokenization.PostProcessors;

/// <summary>
/// Component TemplateProcessing for a single text. BertProcessing and RobertaProcessing are the template
/// <c>[CLS] text [SEP]</c>.
/// </summary>
/// <param name="parts">The ids of the special tokens in order; null stands for the text.</param>
internal sealed class TemplateProcessor(IReadOnlyList<IReadOnlyList<int>?> parts) : IPostProcessor
{
    public int AddedTokens => parts.Sum(p => p?.Count ?? 0);

    public List<int> Process(List<int> ids, bool addSpecialTokens)
    {
        var output = new List<int>(ids.Count + AddedTokens);
        foreach (var part in parts)
        {
            if (part is null) output.AddRange(ids);
            else if (addSpecialTokens) output.AddRange(part);
        }

        return output;
    }
}
