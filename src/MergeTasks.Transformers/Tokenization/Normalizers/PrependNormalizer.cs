namespace MergeTasks.Transformers.Tokenization.Normalizers;

/// <summary>Component Prepend: puts a text in front, unless there is nothing to put it before.</summary>
internal sealed class PrependNormalizer(string prefix) : INormalizer
{
    public NormalizedText Normalize(NormalizedText input) =>
        input.Text.Length == 0 ? input : new(prefix + input.Text, input.Head > 0 ? input.Head + prefix.Length : 0);
}
