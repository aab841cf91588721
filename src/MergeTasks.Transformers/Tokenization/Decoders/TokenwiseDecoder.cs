namespace MergeTasks.Transformers.Tokenization.Decoders;

/// <summary>Decoders that rewrite token by token; the function gets the token, its index and the number of tokens.</summary>
internal sealed class TokenwiseDecoder(Func<string, int, int, string> rewrite) : ITokenDecoder
{
    public List<string> Decode(List<string> tokens)
    {
        var output = new List<string>(tokens.Count);
        for (var i = 0; i < tokens.Count; i++) output.Add(rewrite(tokens[i], i, tokens.Count));
        return output;
    }
}
