using MergeTasks.Checkpoints;
using MergeTasks.Merging.Diagnostics;
using MergeTasks.Merging.Importance;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace MergeTasks.Merging.Recipes;

/// <summary>
/// Reads a merge recipe in mergekit's YAML language: <c>merge_method</c>, <c>models</c>, <c>base_model</c>, <c>parameters</c>,
/// <c>dtype</c>, <c>out_dtype</c>, and this project's <c>aim</c>, <c>apl</c> and <c>importance_base</c>. Every unknown key and every value of the wrong form is an error with its position.
/// </summary>
public sealed class RecipeReader
{
    private static readonly string[] TopLevelKeys = ["merge_method", "models", "base_model", "parameters", "dtype", "out_dtype", "importance_base", "aim", "apl"];
    private static readonly string[] UnsupportedKeys = ["slices", "modules", "tokenizer", "tokenizer_source", "chat_template", "name"];
    private static readonly string[] ModelKeys = ["model", "parameters", "task_data"];
    private static readonly string[] ConditionKeys = ["filter", "value"];

    private readonly string _path;
    private readonly List<Diagnostic> _diagnostics = [];

    private RecipeReader(string path) => _path = path;

    /// <summary>Reads a recipe file.</summary>
    /// <param name="path">Full path.</param>
    /// <exception cref="DiagnosticException">With everything that is wrong with the recipe's form.</exception>
    public static RecipeDocument Read(string path)
    {
        string text;
        try
        {
            text = File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DiagnosticException(new Diagnostic(DiagnosticCode.RecipeUnreadable, $"The recipe '{path}' cannot be read: {e.Message}", new SourceLocation(path)));
        }

        return Parse(path, text);
    }

    /// <summary>Reads a recipe's text; <paramref name="path"/> is for messages.</summary>
    /// <inheritdoc cref="Read"/>
    public static RecipeDocument Parse(string path, string text)
    {
        var reader = new RecipeReader(path);
        var document = reader.ReadDocument(text);
        return reader._diagnostics.Count == 0 && document is not null ? document : throw new DiagnosticException([.. reader._diagnostics]);
    }

    private RecipeDocument? ReadDocument(string text)
    {
        var yaml = new YamlStream();
        try
        {
            RecipeLimits.Check(text);
            yaml.Load(new MergingParser(new Parser(new StringReader(text))));
        }
        catch (YamlException e)
        {
            Report(DiagnosticCode.RecipeSyntax, $"The recipe is not valid YAML: {e.Message}", e.Start);
            return null;
        }
        catch (ArgumentException e)
        {
            // How the library reports a merge key ('<<') whose value is no mapping.
            Report(DiagnosticCode.RecipeSyntax, $"The recipe is not valid YAML: {e.Message}", new Mark());
            return null;
        }

        switch (yaml.Documents.Count)
        {
            case 0:
                Report(DiagnosticCode.MissingKey, "The recipe is empty; it needs at least 'merge_method' and 'models'.", new Mark());
                return null;
            case > 1:
                Report(DiagnosticCode.UnsupportedKey, "The recipe holds several YAML documents, which is not supported yet; use one file per merge.", yaml.Documents[1].RootNode.Start);
                return null;
        }

        if (yaml.Documents[0].RootNode is not YamlMappingNode root)
        {
            Report(DiagnosticCode.WrongForm, "A recipe is a mapping of keys such as 'merge_method' and 'models'.", yaml.Documents[0].RootNode.Start);
            return null;
        }

        return ReadRoot(root);
    }

    private RecipeDocument? ReadRoot(YamlMappingNode root)
    {
        var entries = Entries(root, TopLevelKeys, UnsupportedKeys);
        var method = entries.GetValueOrDefault("merge_method") is { } node ? Text(node, "merge_method") : null;
        if (!entries.ContainsKey("merge_method"))
            Report(DiagnosticCode.MissingKey, "The recipe does not say which 'merge_method' to use.", root.Start);
        var models = new List<RecipeModel>();
        if (entries.GetValueOrDefault("models") is { } list)
            models = ReadModels(list);
        else if (!UnsupportedKeys.Any(key => root.Children.Keys.OfType<YamlScalarNode>().Any(child => child.Value == key)))
            Report(DiagnosticCode.MissingKey, "The recipe lists no 'models'.", root.Start);
        var document = new RecipeDocument(At(root.Start), (method ?? "", At((entries.GetValueOrDefault("merge_method") ?? root).Start)), models)
        {
            Base = entries.GetValueOrDefault("base_model") is { } basis ? ReadReference(basis, "base_model") : null,
            Parameters = entries.GetValueOrDefault("parameters") is { } parameters ? ReadParameters(parameters) : new Dictionary<string, RecipeSetting>(),
            Importance = ReadImportance(entries),
            AimLocation = entries.GetValueOrDefault("aim") is { } aim ? At(aim.Start) : null,
            DType = ReadDType(entries.GetValueOrDefault("dtype"), "dtype"),
            OutDType = ReadDType(entries.GetValueOrDefault("out_dtype"), "out_dtype"),
        };
        return method is null ? null : document;
    }

    private List<RecipeModel> ReadModels(YamlNode node)
    {
        if (node is not YamlSequenceNode { Children.Count: > 0 } sequence)
        {
            Report(DiagnosticCode.WrongForm, "'models' is a list with at least one entry '- model: …'.", node.Start);
            return [];
        }

        var models = new List<RecipeModel>();
        foreach (var child in sequence)
        {
            if (child is not YamlMappingNode mapping)
            {
                Report(DiagnosticCode.WrongForm, "An entry of 'models' is a mapping: '- model: path', with 'parameters' if it needs any.", child.Start);
                continue;
            }

            var entries = Entries(mapping, ModelKeys, []);
            if (entries.GetValueOrDefault("model") is not { } reference)
                Report(DiagnosticCode.MissingKey, "This entry of 'models' does not say which 'model'.", child.Start);
            else if (ReadReference(reference, "model") is { } model)
            {
                models.Add(model with
                {
                    Parameters = entries.GetValueOrDefault("parameters") is { } parameters ? ReadParameters(parameters) : model.Parameters,
                    TaskData = entries.GetValueOrDefault("task_data") is { } data ? ReadOption(data, "task_data") : null,
                });
            }
        }

        return models;
    }

    // Sections of options; a section that is only a value is the value of its first option.
    private Dictionary<ImportanceOption, WrittenOption> ReadImportance(Dictionary<string, YamlNode> entries)
    {
        var options = new Dictionary<ImportanceOption, WrittenOption>();
        foreach (var section in ImportanceOption.All.GroupBy(option => option.Section))
        {
            var nodes = entries;
            if (section.Key.Length > 0)
            {
                if (entries.GetValueOrDefault(section.Key) is not { } node)
                    continue;
                nodes = node is YamlMappingNode mapping
                    ? Entries(mapping, [.. section.Select(option => option.Key)], [])
                    : new Dictionary<string, YamlNode> { [section.First().Key] = node };
            }

            foreach (var option in section)
            {
                if (nodes.GetValueOrDefault(option.Key) is { } value && ReadOption(value, option.Key) is { } written)
                    options[option] = written;
            }
        }

        return options;
    }

    private WrittenOption? ReadOption(YamlNode node, string key)
    {
        if (node is YamlSequenceNode { Children.Count: > 0 } list && list.All(child => child is YamlScalarNode))
            return new WrittenOption(string.Join(';', list.Select(child => ((YamlScalarNode)child).Value)), At(node.Start));
        return Text(node, key) is { } text ? new WrittenOption(text, At(node.Start)) : null;
    }

    private RecipeModel? ReadReference(YamlNode node, string key)
    {
        if (Text(node, key) is not { } text)
            return null;
        if (text.Contains('+', StringComparison.Ordinal))
        {
            Report(DiagnosticCode.UnsupportedKey, $"'{text}' names a LoRA adapter after '+', which is not supported yet.", node.Start);
            return null;
        }

        return new RecipeModel(text, At(node.Start), new Dictionary<string, RecipeSetting>());
    }

    private Dictionary<string, RecipeSetting> ReadParameters(YamlNode node)
    {
        var settings = new Dictionary<string, RecipeSetting>(StringComparer.Ordinal);
        if (node is not YamlMappingNode mapping)
        {
            Report(DiagnosticCode.WrongForm, "'parameters' is a mapping of parameter names to values.", node.Start);
            return settings;
        }

        foreach (var (key, value) in mapping.Children)
        {
            if (key is YamlScalarNode { Value: { } name } && ReadSetting(value, name) is { } setting)
                settings[name] = new RecipeSetting(setting, At(key.Start));
        }

        return settings;
    }

    // The value of a condition is a number or a list, and no further condition.
    private Setting? ReadSetting(YamlNode node, string name, bool isCondition = false)
    {
        switch (node)
        {
            case YamlScalarNode scalar when SettingText.ParseNumber(scalar.Value ?? "") is { } number:
                return new Setting.Number(number);
            case YamlSequenceNode { Children.Count: > 0 } list when list.All(child => child is YamlScalarNode):
                var numbers = list.Select(child => SettingText.ParseNumber(((YamlScalarNode)child).Value ?? "")).ToList();
                if (!numbers.Contains(null))
                    return new Setting.Gradient([.. numbers.Select(value => value!.Value)]);
                break;
            case YamlSequenceNode { Children.Count: > 0 } list when !isCondition && list.All(child => child is YamlMappingNode):
                return ReadConditions(list, name);
            case YamlMappingNode mapping when !isCondition:
                return ReadConditions(new YamlSequenceNode(mapping), name);
        }

        var written = node is YamlScalarNode text ? $" '{text.Value}'" : "";
        var hint = written.Contains(',', StringComparison.Ordinal) ? " Use '.' as decimal separator." : "";
        Report(DiagnosticCode.InvalidValue, $"The value{written} of '{name}' is not a number, a list of numbers, or a list of '{{filter, value}}'.{hint}", node.Start);
        return null;
    }

    private Setting.Conditional? ReadConditions(YamlSequenceNode list, string name)
    {
        var cases = new List<(string?, Setting)>();
        foreach (var mapping in list.Children.Cast<YamlMappingNode>())
        {
            var entries = Entries(mapping, ConditionKeys, []);
            if (entries.GetValueOrDefault("value") is not { } value)
                Report(DiagnosticCode.MissingKey, $"This condition of '{name}' has no 'value'.", mapping.Start);
            else if (ReadSetting(value, name, isCondition: true) is { } setting)
                cases.Add((entries.GetValueOrDefault("filter") is { } filter ? Text(filter, "filter") : null, setting));
        }

        return cases.Count > 0 ? new Setting.Conditional(cases) : null;
    }

    private DType? ReadDType(YamlNode? node, string key)
    {
        if (node is null || Text(node, key) is not { } text)
            return null;
        if (DTypes.FromTorchName(text) is { } dtype && dtype.IsFloatingPoint())
            return dtype;
        Report(DiagnosticCode.InvalidValue, $"'{text}' is not an element type to merge in.{Suggestion.Sentence(text, [.. DTypes.FloatingPointTorchNames])}", node.Start);
        return null;
    }

    private string? Text(YamlNode node, string key)
    {
        if (node is YamlScalarNode { Value: { Length: > 0 } text })
            return text;
        Report(DiagnosticCode.WrongForm, $"'{key}' needs a text.", node.Start);
        return null;
    }

    private Dictionary<string, YamlNode> Entries(YamlMappingNode mapping, string[] valid, string[] unsupported)
    {
        var entries = new Dictionary<string, YamlNode>(StringComparer.Ordinal);
        foreach (var (keyNode, value) in mapping.Children)
        {
            var key = (keyNode as YamlScalarNode)?.Value ?? "";
            if (valid.Contains(key))
                entries[key] = value;
            else if (unsupported.Contains(key))
                Report(DiagnosticCode.UnsupportedKey, $"'{key}' is not supported yet. Supported: {string.Join(", ", valid)}.", keyNode.Start);
            else
                Report(DiagnosticCode.UnknownKey, $"Nothing reads the key '{key}' here.{Suggestion.Sentence(key, valid)}", keyNode.Start);
        }

        return entries;
    }

    private SourceLocation At(Mark mark) => new(_path, (int)mark.Line, (int)mark.Column);

    private void Report(string code, string message, Mark mark) => _diagnostics.Add(new Diagnostic(code, message, At(mark)));
}
