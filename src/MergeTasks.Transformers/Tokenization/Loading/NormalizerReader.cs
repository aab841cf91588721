using MergeTasks.Transformers.Tokenization.Normalizers;
using MergeTasks.Transformers.Tokenization.Text;
using MergeTasks.Transformers.Tokenization.Unicode;

namespace MergeTasks.Transformers.Tokenization.Loading;

/// <summary>Reads <c>normalizer</c>.</summary>
internal static class NormalizerReader
{
    public static INormalizer Read(JsonComponent component)
    {
        INormalizer normalizer = component.Type switch
        {
            "BertNormalizer" or "Bert" => Bert(component),
            "ByteLevel" => new MappingNormalizer(text => ByteAlphabet.Encode(text)),
            "Lowercase" => new MappingNormalizer(CaseMapping.Instance.ToLower),
            "NFC" => Form(compatibility: false, compose: true),
            "NFD" => Form(compatibility: false, compose: false),
            "NFKC" => Form(compatibility: true, compose: true),
            "NFKD" => Form(compatibility: true, compose: false),
            "Nmt" => new NmtNormalizer(),
            "Precompiled" => Precompiled(component),
            "Prepend" => new PrependNormalizer(component.String("prepend")),
            "Replace" => new ReplaceNormalizer(PatternReading.Read(component), component.String("content")),
            "Sequence" => new NormalizerSequence([.. component.Components("normalizers").Select(Read)]),
            "Strip" => new StripNormalizer(component.Bool("strip_left"), component.Bool("strip_right")),
            "StripAccents" => new FilterNormalizer(UnicodeSets.Get("CombiningMark")),
            var type => throw component.Error(
                $"is the normalizer '{type}', which is not supported; supported are BertNormalizer, ByteLevel, Lowercase, NFC, NFD, NFKC, "
                + "NFKD, Nmt, Precompiled, Prepend, Replace, Sequence, Strip and StripAccents"),
        };
        component.Done();
        return normalizer;
    }

    private static PrecompiledNormalizer Precompiled(JsonComponent component)
    {
        try
        {
            return new PrecompiledNormalizer(Convert.FromBase64String(component.String("precompiled_charsmap")));
        }
        catch (FormatException e)
        {
            throw component.Error("needs a table of replacements in base 64 in 'precompiled_charsmap'", e);
        }
    }

    private static MappingNormalizer Form(bool compatibility, bool compose) =>
        new(text => NormalizationForms.Normalize(text, compatibility, compose));

    private static BertNormalizer Bert(JsonComponent component)
    {
        var lowercases = component.Bool("lowercase");
        return new(
            component.Bool("clean_text"), component.Bool("handle_chinese_chars"), component.OptionalBool("strip_accents") ?? lowercases,
            lowercases);
    }
}
