namespace MergeTasks.Transformers.Tokenization.Decoders;

/// <summary>
/// Component CTC (Graves et al. 2006): repeats collapse, padding goes, and with clean-up the word delimiter becomes a space.
/// </summary>
internal sealed class CtcDecoder(string padToken, string wordDelimiter, bool cleansUp) : ITokenDecoder
{
    public List<string> Decode(List<string> tokens)
    {
        var output = new List<string>();
        for (var i = 0; i < tokens.Count; i++)
        {
            if (i > 0 && tokens[i] == tokens[i - 1]) continue;
            var token = padToken.Length == 0 ? tokens[i] : tokens[i].Replace(padToken, "", StringComparison.Ordinal);
            if (cleansUp) token = TokenRewrites.CleanUp(token).Replace(wordDelimiter, " ", StringComparison.Ordinal);
            if (token.Length > 0) output.Add(token);
        }

        return output;
    }
}
