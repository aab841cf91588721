using System.Text.Json;
using MergeTasks.Transformers.Tokenization.Text;

namespace MergeTasks.Transformers.Tokenization.Loading;

/// <summary>Reads <c>truncation</c> and <c>padding</c>.</summary>
internal static class LengthRulesReader
{
    // Longer than any model's texts; every text is filled up to it.
    private const int LongestPadding = 1 << 20;

    public static Truncation ReadTruncation(JsonComponent component, int addedTokens)
    {
        var truncation = new Truncation(component.Int("max_length"), IsLeft(component));
        var stride = component.Int("stride");
        if (component.String("strategy") is not ("LongestFirst" or "OnlyFirst") and var strategy)
            throw component.Error($"has the strategy '{strategy}', which does not apply to a single text; LongestFirst and OnlyFirst do");
        if (truncation.MaxLength < addedTokens)
            throw component.Error($"allows {truncation.MaxLength} tokens, fewer than the {addedTokens} that the post_processor adds");
        if (stride > 0 && stride >= truncation.MaxLength - addedTokens)
            throw component.Error($"has the stride {stride}, which does not fit into its max_length");
        component.Done();
        return truncation;
    }

    public static Padding ReadPadding(JsonComponent component)
    {
        component.String("pad_token");
        component.Int("pad_type_id");
        var padding = new Padding(
            FixedLength(component), component.OptionalInt("pad_to_multiple_of") ?? 0, IsLeft(component), component.Int("pad_id"));
        if (padding.Length > LongestPadding || padding.MultipleOf > LongestPadding)
            throw component.Error($"fills texts up to more than {LongestPadding} tokens");
        component.Done();
        return padding;
    }

    private static int? FixedLength(JsonComponent component)
    {
        var strategy = component.Required("strategy");
        if (strategy.ValueKind == JsonValueKind.String && strategy.GetString() == "BatchLongest") return null;
        if (strategy.ValueKind != JsonValueKind.Object) throw component.Error("has an unknown strategy; it can be BatchLongest or Fixed");
        var fixedStrategy = component.Component("strategy");
        var length = fixedStrategy.Int("Fixed");
        fixedStrategy.Done();
        return length;
    }

    private static bool IsLeft(JsonComponent component) => component.OptionalString("direction") switch
    {
        "Left" => true,
        "Right" or null => false,
        var other => throw component.Error($"has the direction '{other}'; it can be Left or Right"),
    };
}
