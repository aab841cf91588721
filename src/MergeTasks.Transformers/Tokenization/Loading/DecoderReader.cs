using MergeTasks.Transformers.Tokenization.Decoders;
using MergeTasks.Transformers.Tokenization.Patterns;
using MergeTasks.Transformers.Tokenization.PreTokenizers;

namespace MergeTasks.Transformers.Tokenization.Loading;

/// <summary>Reads <c>decoder</c>.</summary>
internal static class DecoderReader
{
    public static ITokenDecoder Read(JsonComponent component)
    {
        ITokenDecoder decoder = component.Type switch
        {
            "BPEDecoder" => WordSuffix(component),
            "ByteFallback" => new ByteFallbackDecoder(),
            "ByteLevel" => ByteLevel(component),
            "CTC" => new CtcDecoder(
                component.String("pad_token"), NotEmpty(component, "word_delimiter_token"), component.Bool("cleanup")),
            "Fuse" => new FuseDecoder(),
            "Metaspace" => Metaspace(component),
            "Replace" => Replace(component),
            "Sequence" => new DecoderSequence([.. component.Components("decoders").Select(Read)]),
            "Strip" => Strip(component),
            "WordPiece" => WordPiece(component),
            var type => throw component.Error(
                $"is the decoder '{type}', which is not supported; supported are BPEDecoder, ByteFallback, ByteLevel, CTC, Fuse, "
                + "Metaspace, "
                + "Replace, Sequence, Strip and WordPiece"),
        };
        component.Done();
        return decoder;
    }

    private static string NotEmpty(JsonComponent component, string name) =>
        component.String(name) is { Length: > 0 } text ? text : throw component.Error($"needs a text in '{name}'");

    private static ByteLevelDecoder ByteLevel(JsonComponent component)
    {
        // These say how the text was encoded; decoding is the same for all of them.
        component.OptionalBool("add_prefix_space");
        component.OptionalBool("trim_offsets");
        component.OptionalBool("use_regex");
        return new();
    }

    private static TokenwiseDecoder WordSuffix(JsonComponent component)
    {
        var suffix = NotEmpty(component, "suffix");
        return new((token, index, count) => TokenRewrites.WordSuffix(token, index, count, suffix));
    }

    private static TokenwiseDecoder Metaspace(JsonComponent component)
    {
        var fields = MetaspaceFields.Read(component);
        return new((token, index, _) => TokenRewrites.Metaspace(token, index, fields.Mark, fields.Scheme != PrependScheme.Never));
    }

    private static TokenwiseDecoder Replace(JsonComponent component)
    {
        var pattern = PatternReading.Read(component);
        var content = component.String("content");
        return new((token, _, _) => TokenRewrites.Replace(token, pattern, content));
    }

    private static TokenwiseDecoder Strip(JsonComponent component)
    {
        var content = component.Character("content");
        var (start, stop) = (component.Int("start"), component.Int("stop"));
        return new((token, _, _) => TokenRewrites.Strip(token, content, start, stop));
    }

    private static TokenwiseDecoder WordPiece(JsonComponent component)
    {
        var prefix = component.String("prefix");
        var cleansUp = component.Bool("cleanup");
        return new((token, index, _) => TokenRewrites.WordPiece(token, index, prefix, cleansUp));
    }
}
