using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Options;
using MergeTasks.Methods.BuiltIn;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace MergeTasks.Language.Recipes;

/// <summary>The entries of a mapping by key, with the position of each key.</summary>
internal sealed class RecipeEntries : Dictionary<string, (Mark Key, YamlNode Value)>
{
    public RecipeEntries()
        : base(StringComparer.Ordinal)
    {
    }

    /// <summary>The value of a key; <see langword="null"/> where it is absent.</summary>
    public YamlNode? Find(string key) => TryGetValue(key, out var entry) ? entry.Value : null;
}

/// <summary>Reads single values out of YAML nodes, and gathers what is wrong with them.</summary>
/// <param name="path">The recipe's path, for positions.</param>
internal sealed class RecipeNodes(string path)
{
    public List<Diagnostic> Diagnostics { get; } = [];

    public SourceLocation At(Mark mark) => new(path, (int)mark.Line, (int)mark.Column);

    public void Report(string code, string message, Mark mark) => Diagnostics.Add(new Diagnostic(code, message, At(mark)));

    /// <summary>The entries of a mapping; every key that the section does not have is reported.</summary>
    public RecipeEntries Entries(YamlMappingNode mapping, RecipeSection section)
    {
        var valid = section.Names;
        var entries = new RecipeEntries();
        foreach (var (keyNode, value) in Members(mapping))
        {
            var key = (keyNode as YamlScalarNode)?.Value ?? "";
            if (valid.Contains(key))
                entries[key] = (keyNode.Start, value);
            else
                Report(DiagnosticCode.UnknownKey, $"Nothing reads the key '{key}' here.{Advice(key, valid)}", keyNode.Start);
        }

        return entries;
    }

    /// <summary>The members of a mapping, those that merge keys ('&lt;&lt;') bring in after its own; its own come before others of the same key.</summary>
    public IReadOnlyList<(YamlNode Key, YamlNode Value)> Members(YamlMappingNode mapping)
    {
        var members = mapping.Children.Where(member => !IsMergeKey(member.Key)).Select(member => (member.Key, member.Value)).ToList();
        foreach (var (key, value) in mapping.Children.Where(member => IsMergeKey(member.Key)))
        {
            var merged = value is YamlSequenceNode list ? list.Children : [value];
            foreach (var node in merged)
            {
                if (node is YamlMappingNode other)
                    members.AddRange(Members(other).Where(member => !members.Exists(own => own.Key.Equals(member.Key))).ToList());
                else
                    Report(DiagnosticCode.RecipeSyntax, "The merge key '<<' takes a mapping, or a list of mappings.", key.Start);
            }
        }

        return members;

        static bool IsMergeKey(YamlNode key) => key is YamlScalarNode { Value: "<<", Style: ScalarStyle.Plain };
    }

    public string? Text(YamlNode node, string key)
    {
        if (node is YamlScalarNode { Value: { Length: > 0 } text })
            return text;
        Report(DiagnosticCode.WrongForm, $"'{key}' needs a text.", node.Start);
        return null;
    }

    /// <summary>One text or a list of texts.</summary>
    public IReadOnlyList<string> Texts(YamlNode node, string key)
    {
        if (node is YamlScalarNode)
            return Text(node, key) is { } text ? [text] : [];
        if (node is YamlSequenceNode { Children.Count: > 0 } list)
            return [.. list.Children.Select(child => Text(child, key)).OfType<string>()];
        Report(DiagnosticCode.WrongForm, $"'{key}' needs a text or a list of texts.", node.Start);
        return [];
    }

    public bool? Flag(YamlNode node, string key)
    {
        if (node is YamlScalarNode { Value: { } text } && NumberText.ParseFlag(text) is { } flag)
            return flag;
        Report(DiagnosticCode.InvalidValue, $"'{key}' is true or false.", node.Start);
        return null;
    }

    public int? WholeNumber(YamlNode node, string key, int minimum)
    {
        if (node is YamlScalarNode { Value: { } text } && int.TryParse(text, System.Globalization.NumberStyles.AllowLeadingSign, System.Globalization.CultureInfo.InvariantCulture, out var number) && number >= minimum)
            return number;
        Report(DiagnosticCode.InvalidValue, $"'{key}' is a whole number of at least {minimum}.", node.Start);
        return null;
    }

    /// <summary>What is written of an option: a text, or a list of texts where it takes one.</summary>
    public WrittenOption? Option(YamlNode node, MergeOption option)
    {
        var entries = option.Form.TakesList ? Texts(node, option.Key) : Text(node, option.Key) is { } text ? [text] : [];
        return entries.Count == 0 ? null : new WrittenOption(entries, () => At(node.Start));
    }

    // A parameter one level too high is the commonest slip, and silently ignored elsewhere.
    private static string Advice(string key, string[] valid)
    {
        if (key == "residual_weight")
            return " mergekit accepts it in a slice but never uses it; remove it.";
        if (valid.Contains("parameters") && MergeMethods.All.Any(method => method.Parameters.Any(parameter => parameter.Name == key)))
            return $" '{key}' is a parameter of a method: write it under 'parameters'.";
        return Suggestion.Sentence(key, valid);
    }
}
