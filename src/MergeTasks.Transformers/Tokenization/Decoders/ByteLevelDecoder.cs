using System.Text;
using MergeTasks.Transformers.Tokenization.Text;

namespace MergeTasks.Transformers.Tokenization.Decoders;

/// <summary>Component ByteLevel: reads characters as the bytes that they stand for; bytes that are no UTF-8 become U+FFFD.</summary>
internal sealed class ByteLevelDecoder : ITokenDecoder
{
    public List<string> Decode(List<string> tokens)
    {
        var bytes = new List<byte>();
        foreach (var token in tokens)
        {
            // A token with any other character, such as an added one, stands for its own text.
            if (token.Any(c => ByteAlphabet.Byte(c) < 0)) bytes.AddRange(Encoding.UTF8.GetBytes(token));
            else bytes.AddRange(token.Select(c => (byte)ByteAlphabet.Byte(c)));
        }

        return [Encoding.UTF8.GetString([.. bytes])];
    }
}
