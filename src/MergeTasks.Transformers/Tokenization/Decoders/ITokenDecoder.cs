namespace MergeTasks.Transformers.Tokenization.Decoders;

/// <summary>Rewrites the tokens of a sequence on their way back to text; what is left is joined.</summary>
internal interface ITokenDecoder
{
    List<string> Decode(List<string> tokens);
}
