using System.Text;
using System.Text.Json;
using MergeTasks.Checkpoints;
using MergeTasks.Merging.Declarations;
using MergeTasks.Merging.Importance;
using MergeTasks.Merging.Recipes;

namespace MergeTasks.Merging.Outputs;

/// <summary>A declaration as a recipe, however it was declared: what a reader of the output needs to repeat the merge.</summary>
public static class RecipeText
{
    /// <summary>The recipe's YAML text.</summary>
    public static string Of(MergeDeclaration merge)
    {
        var yaml = new StringBuilder();
        yaml.Append("merge_method: ").Append(merge.Method).Append('\n');
        if (merge.Base is { } basis)
            yaml.Append("base_model: ").Append(Quoted(basis.Label)).Append('\n');
        yaml.Append("models:\n");
        foreach (var model in merge.Models)
        {
            yaml.Append("  - model: ").Append(Quoted(model.Label)).Append('\n');
            AppendParameters(yaml, "    ", model.Parameters);
            if (merge.Apl is not null && model.TaskData is { } data)
                yaml.Append("    task_data: ").Append(Quoted(data.Label)).Append('\n');
        }

        AppendParameters(yaml, "", merge.Parameters);
        if (merge.DType is { } dtype)
            yaml.Append("dtype: ").Append(dtype.TorchName()).Append('\n');
        if (merge.OutDType is { } outDType)
            yaml.Append("out_dtype: ").Append(outDType.TorchName()).Append('\n');
        if (merge.ImportanceBase is { } importanceBase)
            yaml.Append("importance_base: ").Append(Quoted(importanceBase.Label)).Append('\n');
        if (merge.Aim is { } aim)
            AppendSection(yaml, "aim", ImportanceText.Of(aim));
        if (merge.Apl is { } apl)
            AppendSection(yaml, "apl", ImportanceText.Of(apl));
        return yaml.ToString();
    }

    private static void AppendSection(StringBuilder yaml, string name, IEnumerable<(ImportanceOption Option, string Value)> values)
    {
        yaml.Append(name).Append(":\n");
        foreach (var (option, value) in values)
            yaml.Append("  ").Append(option.Key).Append(": ").Append(value.StartsWith('[') || SettingText.ParseNumber(value) is not null ? value : Quoted(value)).Append('\n');
    }

    private static void AppendParameters(StringBuilder yaml, string indent, IReadOnlyDictionary<string, Setting> parameters)
    {
        if (parameters.Count > 0)
            yaml.Append(indent).Append("parameters:\n");
        foreach (var (name, setting) in parameters.OrderBy(pair => pair.Key, StringComparer.Ordinal))
            yaml.Append(indent).Append("  ").Append(name).Append(": ").Append(setting).Append('\n');
    }

    // A JSON string is a valid YAML one; plain text is kept plain where YAML cannot misread it.
    private static string Quoted(string text) =>
        text.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '.' or '-' or '_') && char.IsAsciiLetter(text[0]) ? text : JsonSerializer.Serialize(text);
}
