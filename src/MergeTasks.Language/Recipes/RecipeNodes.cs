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

    /// <summary>Whether a text is the path of a folder, from the recipe's on.</summary>
    public bool IsFolder(string text) =>
        Path.GetDirectoryName(path) is { } folder && text.AsSpan().IndexOf('\0') < 0 && Directory.Exists(Path.Combine(folder, text));

    public SourceLocation At(Mark mark) => new(path, (int)mark.Line, (int)mark.Column);

    public void Report(DiagnosticCode code, string message, Mark mark) => Diagnostics.Add(new Diagnostic(code, message, At(mark)));

    /// <summary>Notes what has no effect: a warning, and an error in a strict merge.</summary>
    public void Warn(DiagnosticCode code, string message, Mark mark) =>
        Diagnostics.Add(new Diagnostic(code, message, At(mark), IsWarning: true));

    /// <summary>
    /// The entries of a mapping. A key that the section does not have is an error where it looks like a misspelt one; otherwise it has no
    /// effect, as in mergekit, and is warned of, unless it is there to hold what other places refer to. A null value is no key.
    /// </summary>
    public RecipeEntries Entries(YamlMappingNode mapping, RecipeSection section)
    {
        var valid = section.Names;
        var entries = new RecipeEntries();
        foreach (var (keyNode, value) in Members(mapping))
        {
            var key = (keyNode as YamlScalarNode)?.Value ?? "";
            if (valid.Contains(key) && IsNothing(value))
                continue;
            if (valid.Contains(key))
                entries[key] = (keyNode.Start, value);
            else if (Suggestion.Closest(key, valid) is not null && !IsParameter(key))
                Report(DiagnosticCode.UnknownKey, $"Nothing reads the key '{key}' here.{Advice(key, valid)}", keyNode.Start);
            else if (!HoldsAnchor(value))
                Warn(
                    DiagnosticCode.UnknownKey,
                    $"Nothing reads the key '{key}' here, so it has no effect.{Advice(key, valid)}",
                    keyNode.Start);
        }

        return entries;
    }

    /// <summary>
    /// The members of a mapping, those that merge keys ('&lt;&lt;') bring in after its own; its own come before others of the same key.
    /// </summary>
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
        if (node is YamlScalarNode scalar && YamlNumber.ParseWhole(scalar) is { } number && number >= minimum)
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

    private static bool IsNothing(YamlNode node) =>
        node is YamlScalarNode { Style: ScalarStyle.Plain, Value: null or "" or "~" or "null" or "Null" or "NULL" };

    private static bool HoldsAnchor(YamlNode node) => !node.Anchor.IsEmpty || node switch
    {
        YamlMappingNode mapping => mapping.Children.Any(member => HoldsAnchor(member.Key) || HoldsAnchor(member.Value)),
        YamlSequenceNode list => list.Children.Any(HoldsAnchor),
        _ => false,
    };

    /// <summary>Whether some method has a parameter of that name.</summary>
    public static bool IsParameter(string name) =>
        MergeMethods.All.Any(method => method.Parameters.Any(parameter => parameter.Name == name));

    // A parameter one level too high is the commonest slip, and silently ignored elsewhere.
    private static string Advice(string key, string[] valid)
    {
        if (key == "residual_weight")
            return " mergekit accepts it in a slice but never uses it; remove it.";
        if (key == "revision" && valid.Contains("model"))
            return " A revision is written with the model: 'model: path@revision'.";
        if (valid.Contains("parameters") && IsParameter(key))
            return $" '{key}' is a parameter of a method: write it under 'parameters'.";
        return Suggestion.Closest(key, valid) is null ? "" : Suggestion.Sentence(key, valid);
    }
}
