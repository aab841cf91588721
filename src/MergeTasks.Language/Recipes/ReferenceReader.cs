using MergeTasks.Language.Diagnostics;
using YamlDotNet.RepresentationModel;

namespace MergeTasks.Language.Recipes;

/// <summary>
/// Reads a reference to a model: <c>path</c>, <c>path@revision</c>, <c>path+lora</c>, <c>path@revision+lora@revision</c>,
/// or as a mapping with <c>model</c> and <c>lora</c>, each with <c>path</c> and <c>revision</c>, for paths that contain '+'.
/// </summary>
internal sealed class ReferenceReader(RecipeNodes nodes)
{
    /// <summary>Reads a reference.</summary>
    /// <param name="node">The value.</param>
    /// <param name="key">Its key, for messages.</param>
    /// <returns><see langword="null"/> where it has the wrong form, which has been reported.</returns>
    public RecipeModel? Read(YamlNode node, string key)
    {
        if (node is YamlMappingNode mapping)
            return ReadMapping(mapping, key);
        if (nodes.Text(node, key) is not { } text)
            return null;
        if (text.Contains('+', StringComparison.Ordinal) && nodes.IsFolder(text))
            return new RecipeModel(text, nodes.At(node.Start));
        var parts = text.Split('+', StringSplitOptions.TrimEntries);
        if (parts.Length > 2 || parts.Contains(""))
        {
            nodes.Report(DiagnosticCode.WrongForm,
                $"'{text}' is not 'model' or 'model+adapter'. A path that contains '+' is written as '{{model: {{path: …}}, lora: "
                    + $"{{path: …}}}}'.", node.Start);
            return null;
        }

        return new RecipeModel(
            parts[0], nodes.At(node.Start))
        { Adapter = parts.Length == 2 ? new RecipeAdapter(parts[1], nodes.At(node.Start)) : null };
    }

    // 'override_architecture' chooses among mergekit's architecture definitions; here the tensors themselves tell.
    private RecipeModel? ReadMapping(YamlMappingNode mapping, string key)
    {
        var entries = nodes.Entries(mapping, RecipeKeys.Reference);
        if (entries.Find("model") is not { } model)
        {
            nodes.Report(DiagnosticCode.MissingKey, $"'{key}' as a mapping needs 'model: {{path: …}}'.", mapping.Start);
            return null;
        }

        var adapter = entries.Find("lora");
        return ReadPath(model, "model") is not { } reference ? null : new RecipeModel(reference, nodes.At(model.Start))
        {
            Adapter = adapter is not (null or YamlScalarNode { Value: "" or "null" or "~" }) && ReadPath(adapter, "lora") is { } lora
                ? new RecipeAdapter(lora, nodes.At(adapter.Start))
                : null,
        };
    }

    private string? ReadPath(YamlNode node, string key)
    {
        if (node is not YamlMappingNode mapping)
            return nodes.Text(node, key);
        var entries = nodes.Entries(mapping, RecipeKeys.Path);
        if (entries.Find("path") is not { } path)
        {
            nodes.Report(DiagnosticCode.MissingKey, $"'{key}' has no 'path'.", mapping.Start);
            return null;
        }

        var revision = entries.Find("revision") is YamlScalarNode { Value: { Length: > 0 } text } && text is not ("null" or "~")
            ? "@" + text
            : "";
        return nodes.Text(path, "path") is { } written ? written + revision : null;
    }
}
