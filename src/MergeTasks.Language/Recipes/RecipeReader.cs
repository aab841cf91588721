using MergeTasks.Files;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Experts;
using MergeTasks.Language.Options;
using MergeTasks.Methods.BuiltIn;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace MergeTasks.Language.Recipes;

/// <summary>
/// Reads recipe files in mergekit's YAML language, with this project's own keys besides. A file holds one document per merge.
/// Every value of the wrong form and every misspelt key is an error with its position; keys that nothing reads are warned of.
/// </summary>
internal sealed class RecipeReader
{
    private readonly RecipeNodes _nodes;
    private readonly ReferenceReader _references;
    private readonly SettingReader _settings;
    private readonly BodyReader _body;

    private RecipeReader(string path)
    {
        _nodes = new RecipeNodes(path);
        _references = new ReferenceReader(_nodes);
        _settings = new SettingReader(_nodes);
        _body = new BodyReader(_nodes, _references, _settings);
    }

    /// <summary>Reads a recipe file.</summary>
    /// <param name="path">Full path.</param>
    /// <returns>Its documents in order, at least one.</returns>
    /// <exception cref="DiagnosticException">With everything that is wrong with the recipe's form.</exception>
    public static IReadOnlyList<RecipeDocument> Read(string path)
    {
        string text;
        try
        {
            text = InputFile.ReadText(path, InputFile.LongestWritten);
        }
        catch (FileFault e)
        {
            throw new DiagnosticException(DiagnosticCode.RecipeUnreadable, $"The recipe {e.Message}", new SourceLocation(path));
        }

        return Parse(path, text);
    }

    /// <summary>Reads a recipe's text; <paramref name="path"/> is for messages.</summary>
    /// <inheritdoc cref="Read"/>
    public static IReadOnlyList<RecipeDocument> Parse(string path, string text)
    {
        var reader = new RecipeReader(path);
        var documents = reader.Load(text).Select(reader.ReadWithWarnings).OfType<RecipeDocument>().ToList();
        return reader._nodes.Diagnostics.TrueForAll(diagnostic => diagnostic.IsWarning)
            ? documents
            : throw new DiagnosticException([.. reader._nodes.Diagnostics.Where(diagnostic => !diagnostic.IsWarning)]);
    }

    private List<YamlNode> Load(string text)
    {
        var yaml = new YamlStream();
        try
        {
            RecipeLimits.Check(text);
            yaml.Load(new StringReader(text));
        }
        catch (YamlException e)
        {
            _nodes.Report(DiagnosticCode.RecipeSyntax, $"The recipe is not valid YAML: {e.Message}", e.Start);
            return [];
        }
        catch (ArgumentException e)
        {
            // How the library reports a document that is only an alias.
            _nodes.Report(DiagnosticCode.RecipeSyntax, $"The recipe is not valid YAML: {e.Message}", new Mark());
            return [];
        }

        // A separator after the last document begins another one, of nothing.
        var roots = yaml.Documents
            .Select(document => document.RootNode)
            .Where(root => root is not YamlScalarNode { Value: "" or null })
            .ToList();
        if (roots.Count == 0)
            _nodes.Report(DiagnosticCode.MissingKey, "The recipe is empty; it needs at least 'merge_method' and 'models'.", new Mark());
        return roots;
    }

    private RecipeDocument? ReadWithWarnings(YamlNode node)
    {
        var first = _nodes.Diagnostics.Count;
        return ReadDocument(node) is not { } document
            ? null
            : document with { Warnings = [.. _nodes.Diagnostics.Skip(first).Where(diagnostic => diagnostic.IsWarning).Distinct()] };
    }

    // Files of mergekit's other tools, which have keys that no merge has.
    private static string? ToolOf(YamlMappingNode root)
    {
        bool Has(string key) => root.Children.Keys.OfType<YamlScalarNode>().Any(name => name.Value == key);
        return Has("merge_method") ? null
            : Has("genome") ? "mergekit-evolve, which searches for parameters"
            : Has("architecture") && Has("stages") ? "another tool" : null;
    }

    private RecipeDocument? ReadDocument(YamlNode node)
    {
        if (node is not YamlMappingNode root)
        {
            _nodes.Report(DiagnosticCode.WrongForm, "A recipe is a mapping of keys such as 'merge_method' and 'models'.", node.Start);
            return null;
        }

        if (ToolOf(root) is { } tool)
        {
            _nodes.Report(
                DiagnosticCode.WrongForm,
                $"This file is for {tool}; it has no 'merge_method'. A merge is described by 'merge_method' and 'models', 'slices' or "
                    + "'modules'.",
                root.Start);
            return null;
        }

        if (IsMixture(root))
            return ReadMixture(root);
        var entries = _nodes.Entries(root, RecipeKeys.Recipe);
        var method = Named(entries, "merge_method");
        if (!entries.ContainsKey("merge_method"))
            _nodes.Report(DiagnosticCode.MissingKey, "The recipe does not say which 'merge_method' to use.", root.Start);
        _body.RequireOne(entries, root.Start, "The recipe", 3);
        var document = new RecipeDocument(_nodes.At(root.Start), method ?? default)
        {
            Name = Named(entries, "name"),
            Models = _body.ReadModels(entries),
            Slices = _body.ReadSlices(entries),
            Modules = _body.ReadModules(entries),
            Base = entries.Find("base_model") is { } baseModel ? _references.Read(baseModel, "base_model") : null,
            Parameters = _settings.Read(entries),
            Tokenizer = new TokenizerReader(_nodes, _references).Read(entries),
            ChatTemplate = Named(entries, "chat_template"),
            Options = ReadOptions(entries),
            AimLocation = entries.Find("aim") is { } aim ? _nodes.At(aim.Start) : null,
        };
        return method is null ? null : document;
    }

    // Such recipes are told by their experts; their method is never named.
    private static bool IsMixture(YamlMappingNode root) =>
        root.Children.Keys.OfType<YamlScalarNode>().Any(key => key.Value is "experts" or "shared_experts" or "gate_mode");

    private RecipeDocument ReadMixture(YamlMappingNode root)
    {
        var entries = _nodes.Entries(root, RecipeKeys.Mixture);
        if (!entries.ContainsKey("experts"))
            _nodes.Report(DiagnosticCode.MissingKey, "A mixture of experts needs 'experts'.", root.Start);
        if (!entries.ContainsKey("base_model"))
            _nodes.Report(
                DiagnosticCode.MissingKey, "A mixture of experts needs 'base_model': whose attention and embeddings it gets.", root.Start);
        return new RecipeDocument(_nodes.At(root.Start), (AssemblingMethod.Mixture.Name, _nodes.At(root.Start)))
        {
            Name = Named(entries, "name"),
            Experts = new MixtureReader(_nodes, _references).Read(entries),
            Base = entries.Find("base_model") is { } baseModel ? _references.Read(baseModel, "base_model") : null,
            ChatTemplate = Named(entries, "chat_template"),
            Options = ReadOptions(entries),
        };
    }

    private (string Text, SourceLocation Location)? Named(RecipeEntries entries, string key) =>
        entries.Find(key) is { } node && _nodes.Text(node, key) is { } text ? (text, _nodes.At(node.Start)) : null;

    // A section that is only a value is the value of its first option.
    private Dictionary<MergeOption, WrittenOption> ReadOptions(RecipeEntries entries)
    {
        var options = new Dictionary<MergeOption, WrittenOption>();
        foreach (var section in MergeOptions.Sections)
        {
            var values = entries;
            if (section.Key.Length > 0)
            {
                if (!entries.TryGetValue(section.Key, out var entry))
                    continue;
                values = entry.Value is YamlMappingNode mapping
                    ? _nodes.Entries(mapping, RecipeKeys.Sections[section.Key])
                    : new RecipeEntries { [section.First().Key] = entry };
            }

            foreach (var option in section.Key.Length == 0 ? section.Concat(MixtureDeclaration.Options) : section)
            {
                if (values.Find(option.Key) is { } value && _nodes.Option(value, option) is { } written)
                    options[option] = written;
            }
        }

        return options;
    }
}
