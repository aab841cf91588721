using System.Text;
using MergeTasks.Transformers.Tokenization.PreTokenizers;

namespace MergeTasks.Transformers.Tokenization.Loading;

/// <summary>The fields that Metaspace has both as pre-tokenizer and as decoder, in their older and newer spellings.</summary>
internal readonly record struct MetaspaceFields(Rune Mark, PrependScheme Scheme, bool Splits)
{
    public static MetaspaceFields Read(JsonComponent component)
    {
        component.OptionalString("str_rep");
        var addsPrefix = component.OptionalBool("add_prefix_space");
        PrependScheme? scheme = component.OptionalString("prepend_scheme") switch
        {
            null => null,
            "always" => PrependScheme.Always,
            "first" => PrependScheme.First,
            "never" => PrependScheme.Never,
            var other => throw component.Error($"has the prepend_scheme '{other}'; it can be always, first or never"),
        };
        if (addsPrefix == false && scheme is not (null or PrependScheme.Never))
            throw component.Error("contradicts itself: add_prefix_space is false, prepend_scheme is not 'never'");
        scheme ??= addsPrefix == false ? PrependScheme.Never : PrependScheme.Always;
        return new(component.Character("replacement"), scheme.Value, component.OptionalBool("split") ?? true);
    }
}
