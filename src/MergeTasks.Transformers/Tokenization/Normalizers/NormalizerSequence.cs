namespace MergeTasks.Transformers.Tokenization.Normalizers;

/// <summary>Component Sequence.</summary>
internal sealed class NormalizerSequence(IReadOnlyList<INormalizer> steps) : INormalizer
{
    public NormalizedText Normalize(NormalizedText input)
    {
        foreach (var step in steps) input = step.Normalize(input);
        return input;
    }
}
