using System.Text;
using System.Text.Json;
using MergeTasks.Checkpoints;
using MergeTasks.Merging.Declarations;
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
        }

        AppendParameters(yaml, "", merge.Parameters);
        if (merge.DType is { } dtype)
            yaml.Append("dtype: ").Append(dtype.TorchName()).Append('\n');
        if (merge.OutDType is { } outDType)
            yaml.Append("out_dtype: ").Append(outDType.TorchName()).Append('\n');
        return yaml.ToString();
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
