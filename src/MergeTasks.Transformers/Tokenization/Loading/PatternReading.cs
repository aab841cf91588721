using MergeTasks.Transformers.Tokenization.Patterns;

namespace MergeTasks.Transformers.Tokenization.Loading;

/// <summary>Reads the patterns of Split and Replace.</summary>
internal static class PatternReading
{
    public static ITextPattern Read(JsonComponent owner)
    {
        var component = owner.Component("pattern");
        var literal = component.OptionalString("String");
        var expression = component.OptionalString("Regex");
        component.Done();
        if (literal is null == expression is null) throw component.Error("needs either 'String' or 'Regex'");

        // An empty text matches between all characters, as the empty expression does.
        if (!string.IsNullOrEmpty(literal)) return new LiteralPattern(literal);
        try
        {
            return new Pattern(expression ?? "");
        }
        catch (PatternSyntaxException e)
        {
            throw component.Error($"cannot be used: {e.Message}", e);
        }
    }
}
