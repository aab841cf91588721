namespace MergeTasks.Transformers.Tokenization.Decoders;

/// <summary>Component Fuse: makes one token of all, so that what follows sees the whole text.</summary>
internal sealed class FuseDecoder : ITokenDecoder
{
    public List<string> Decode(List<string> tokens) => [string.Concat(tokens)];
}
