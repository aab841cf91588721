using System.Text;

namespace MergeTasks.Transformers.Tokenization.Models;

/// <summary>The tokens <c>&lt;0x00&gt;</c> to <c>&lt;0xFF&gt;</c> that spell characters the vocabulary lacks.</summary>
internal sealed class ByteFallback
{
    private readonly int[] _ids = new int[256];

    public ByteFallback(Vocabulary vocabulary)
    {
        for (var b = 0; b < 256; b++) _ids[b] = vocabulary.TryGetId($"<0x{b:X2}>", out var id) ? id : -1;
    }

    /// <summary>Appends the byte tokens of a text, or nothing where the vocabulary lacks one of them.</summary>
    public bool TryEncode(ReadOnlySpan<char> text, List<int> ids)
    {
        var bytes = new byte[Encoding.UTF8.GetByteCount(text)];
        Encoding.UTF8.GetBytes(text, bytes);
        foreach (var b in bytes)
        {
            if (_ids[b] < 0) return false;
        }

        foreach (var b in bytes) ids.Add(_ids[b]);
        return true;
    }
}
