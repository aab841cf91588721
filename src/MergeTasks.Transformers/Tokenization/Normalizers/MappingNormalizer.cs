namespace MergeTasks.Transformers.Tokenization.Normalizers;

/// <summary>Components that rewrite characters in place: NFC, NFD, NFKC, NFKD, Lowercase, ByteLevel.</summary>
internal sealed class MappingNormalizer(Func<string, string> map) : INormalizer
{
    public NormalizedText Normalize(NormalizedText input) => input.Mapped(map);
}
