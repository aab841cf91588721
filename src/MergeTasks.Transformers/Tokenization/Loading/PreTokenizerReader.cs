using MergeTasks.Transformers.Tokenization.Patterns;
using MergeTasks.Transformers.Tokenization.PreTokenizers;
using MergeTasks.Transformers.Tokenization.Unicode;

namespace MergeTasks.Transformers.Tokenization.Loading;

/// <summary>Reads <c>pre_tokenizer</c>.</summary>
internal static class PreTokenizerReader
{
    public static IPreTokenizer Read(JsonComponent component)
    {
        IPreTokenizer preTokenizer = component.Type switch
        {
            "BertPreTokenizer" => new PreTokenizerSequence([WhiteSpace(), Punctuation(SplitBehavior.Isolated)]),
            "ByteLevel" => ByteLevel(component),
            "CharDelimiterSplit" => new PatternSplit(
                new SetPattern(CodePointSet.Of(component.Character("delimiter").Value)), SplitBehavior.Removed),
            "Digits" => new PatternSplit(
                new SetPattern(UnicodeSets.Get("Numeric")),
                component.Bool("individual_digits") ? SplitBehavior.Isolated : SplitBehavior.Contiguous),
            "FixedLength" => FixedLength(component),
            "Metaspace" => Metaspace(component),
            "Punctuation" => Punctuation(
                component.OptionalString("behavior") is { } behavior ? Behavior(component, behavior) : SplitBehavior.Isolated),
            "Sequence" => new PreTokenizerSequence([.. component.Components("pretokenizers").Select(Read)]),
            "Split" => new PatternSplit(
                PatternReading.Read(component), Behavior(component, component.String("behavior")), component.Bool("invert")),
            "UnicodeScripts" => new ScriptSplit(),
            "Whitespace" => new PatternSplit(
                new Pattern(@"[\w\x{200C}\x{200D}]+|[^\w\x{200C}\x{200D}\s]+"), SplitBehavior.Removed, invert: true),
            "WhitespaceSplit" => WhiteSpace(),
            var type => throw component.Error(
                $"is the pre-tokenizer '{type}', which is not supported; supported are BertPreTokenizer, ByteLevel, CharDelimiterSplit, "
                + "Digits, FixedLength, Metaspace, Punctuation, Sequence, Split, UnicodeScripts, Whitespace and WhitespaceSplit"),
        };
        component.Done();
        return preTokenizer;
    }

    private static PatternSplit WhiteSpace() => new(new SetPattern(UnicodeSets.WhiteSpace), SplitBehavior.Removed);

    private static PatternSplit Punctuation(SplitBehavior behavior) => new(new SetPattern(UnicodeSets.Get("Punctuation")), behavior);

    private static ByteLevelSplit ByteLevel(JsonComponent component)
    {
        // Offsets into the text are not part of the result, so trimming them changes nothing.
        component.Bool("trim_offsets");
        return new(component.Bool("add_prefix_space"), component.OptionalBool("use_regex") ?? true);
    }

    private static MetaspaceSplit Metaspace(JsonComponent component)
    {
        var fields = MetaspaceFields.Read(component);
        return new(fields.Mark, fields.Scheme, fields.Splits);
    }

    private static FixedLength FixedLength(JsonComponent component)
    {
        var length = component.OptionalInt("length") ?? 5;
        return length > 0 ? new(length) : throw component.Error("needs a length above 0");
    }

    private static SplitBehavior Behavior(JsonComponent component, string name) =>
        Enum.TryParse<SplitBehavior>(name, out var behavior) && behavior.ToString() == name
            ? behavior
            : throw component.Error($"has the behavior '{name}'; it can be {string.Join(", ", Enum.GetNames<SplitBehavior>())}");
}
