using System.Text.Json;
using MergeTasks.Transformers.Tokenization.PostProcessors;

namespace MergeTasks.Transformers.Tokenization.Loading;

/// <summary>Reads <c>post_processor</c>; null stands for one that leaves the ids as they are.</summary>
internal static class PostProcessorReader
{
    public static IPostProcessor? Read(JsonComponent component)
    {
        var processor = component.Type switch
        {
            "ByteLevel" => ByteLevel(component),
            "BertProcessing" => Surrounded(component),
            "RobertaProcessing" => Roberta(component),
            "Sequence" => Sequence(component),
            "TemplateProcessing" => Template(component),
            var type => throw component.Error(
                $"is the post-processor '{type}', which is not supported; supported are BertProcessing, ByteLevel, RobertaProcessing, "
                + "Sequence and TemplateProcessing"),
        };
        component.Done();
        return processor;
    }

    private static IPostProcessor? ByteLevel(JsonComponent component)
    {
        // It moves offsets, which are not part of the result.
        component.Bool("add_prefix_space");
        component.Bool("trim_offsets");
        component.OptionalBool("use_regex");
        return null;
    }

    private static IPostProcessor? Sequence(JsonComponent component)
    {
        var processors = component.Components("processors").Select(Read).OfType<IPostProcessor>().ToList();
        return processors.Count > 1
            ? throw component.Error("chains several processors that add tokens, which is not supported; one is, beside ByteLevel")
            : processors.SingleOrDefault();
    }

    private static TemplateProcessor Roberta(JsonComponent component)
    {
        component.Bool("trim_offsets");
        component.Bool("add_prefix_space");
        return Surrounded(component);
    }

    private static TemplateProcessor Surrounded(JsonComponent component) =>
        new([[TokenAndId(component, "cls")], null, [TokenAndId(component, "sep")]]);

    private static int TokenAndId(JsonComponent component, string name)
    {
        var pair = component.Required(name);
        if (pair.ValueKind != JsonValueKind.Array || pair.GetArrayLength() != 2)
            throw component.Error($"needs a token and its id in '{name}'");
        component.AsString(name, pair[0]);
        return component.AsInt(name, pair[1]);
    }

    private static TemplateProcessor Template(JsonComponent component)
    {
        // The template for pairs of texts is read by nobody: pairs are not encoded here.
        component.Required("pair");

        // What is left of a ByteLevel that the template replaced, as in Cohere's published files; the reference passes over it.
        foreach (var left in new[] { "add_prefix_space", "trim_offsets", "use_regex" })
            component.OptionalBool(left);
        var tokens = component.Component("special_tokens");
        return new([.. component.Components("single").Select(p => Part(p, tokens))]);
    }

    private static List<int>? Part(JsonComponent part, JsonComponent tokens)
    {
        var text = part.OptionalComponent("Sequence");
        var token = part.OptionalComponent("SpecialToken");
        part.Done();
        if (text is null == token is null) throw part.Error("needs either 'Sequence' or 'SpecialToken'");
        var id = (text ?? token)!.String("id");
        (text ?? token)!.Int("type_id");
        (text ?? token)!.Done();
        if (text is not null)
            return id == "A" ? null : throw part.Error($"puts the text '{id}' into the template of a single text; only 'A' is there");
        if (tokens.OptionalComponent(id) is not { } special)
            throw part.Error($"names the token '{id}', which special_tokens does not define");
        special.String("id");
        special.Required("tokens");
        var ids = special.Required("ids");
        special.Done();
        return ids.ValueKind == JsonValueKind.Array
            ? [.. ids.EnumerateArray().Select(i => special.AsInt("ids", i))]
            : throw special.Error("needs a list in 'ids'");
    }
}
