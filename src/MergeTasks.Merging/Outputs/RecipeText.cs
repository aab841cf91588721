using System.Text;
using System.Text.Json;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Importance;
using MergeTasks.Language.Recipes;

namespace MergeTasks.Merging.Outputs;

/// <summary>A declaration as a recipe, however it was declared: what a reader of the output needs to repeat the merge.</summary>
public static class RecipeText
{
    private static readonly JsonSerializerOptions Readable = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The recipe's YAML text.</summary>
    public static string Of(MergeDeclaration merge)
    {
        var yaml = new StringBuilder();
        yaml.Append("merge_method: ").Append(merge.Method).Append('\n');
        if (merge.Base is { } basis)
            yaml.Append("base_model: ").Append(Quoted(basis.Label)).Append('\n');
        if (merge.IsWhole)
            AppendModels(yaml, "", merge.Models, merge.Apl is not null || merge.MeasuresModels);
        AppendSlices(yaml, "", merge.Slices);
        if (merge.Modules.Count > 0)
            yaml.Append("modules:\n");
        foreach (var module in merge.Modules)
        {
            yaml.Append("  ").Append(Quoted(module.Name)).Append(":\n");
            AppendModels(yaml, "    ", module.Models, false);
            AppendSlices(yaml, "    ", module.Slices);
            AppendParameters(yaml, "    ", module.Parameters);
        }

        AppendParameters(yaml, "", merge.Parameters);
        if (merge.DType is { } dtype)
            yaml.Append("dtype: ").Append(dtype.TorchName()).Append('\n');
        if (merge.OutDType is { } outDType)
            yaml.Append("out_dtype: ").Append(outDType.TorchName()).Append('\n');
        AppendList(yaml, "merge_tensors", merge.Tensors.Merged);
        AppendList(yaml, "keep_tensors", merge.Tensors.Kept);
        if (merge.IsStrict)
            yaml.Append("strict: true\n");
        if (merge.PostWeightsPosition != 0)
            yaml.Append("post_weights_position: 1\n");
        if (merge.Tokenizer is { } tokenizer)
            AppendTokenizer(yaml, tokenizer);
        if (merge.ChatTemplate is { } template)
            yaml.Append("chat_template: ").Append(Quoted(template.Text)).Append('\n');
        if (merge.ImportanceBase is { } importanceBase)
            yaml.Append("importance_base: ").Append(Quoted(importanceBase.Label)).Append('\n');
        if (merge.Factor is { } factor)
            yaml.Append("merge_factor: ").Append(factor.Value is { } value ? value.ToString("R", System.Globalization.CultureInfo.InvariantCulture) : "task").Append('\n');
        else if (merge.NeedsScores)
            yaml.Append("merge_factor: off\n");
        if (!merge.ChecksItself && merge.NeedsScores)
            yaml.Append("self_check: false\n");
        if (merge.Aim is { } aim)
            AppendSection(yaml, "aim", ImportanceText.Of(aim));
        if (merge.Apl is { } apl)
            AppendSection(yaml, "apl", ImportanceText.Of(apl));
        return yaml.ToString();
    }

    private static void AppendModels(StringBuilder yaml, string indent, IReadOnlyList<ModelDeclaration> models, bool withData)
    {
        if (models.Count > 0)
            yaml.Append(indent).Append("models:\n");
        foreach (var model in models)
        {
            yaml.Append(indent).Append("  - model: ").Append(Quoted(model.Label)).Append('\n');
            AppendParameters(yaml, indent + "    ", model.Parameters);
            if (withData && model.TaskData is { } data)
                yaml.Append(indent).Append("    task_data: ").Append(Quoted(data.Label)).Append('\n');
        }
    }

    private static void AppendSlices(StringBuilder yaml, string indent, IReadOnlyList<SliceDeclaration> slices)
    {
        if (slices.Count > 0)
            yaml.Append(indent).Append("slices:\n");
        foreach (var slice in slices)
        {
            yaml.Append(indent).Append("  - sources:\n");
            foreach (var source in slice.Sources)
            {
                yaml.Append(indent).Append("      - model: ").Append(Quoted(source.Model.Label)).Append('\n');
                yaml.Append(indent).Append($"        layer_range: [{source.Start}, {source.End}]\n");
                AppendParameters(yaml, indent + "        ", source.Model.Parameters);
            }

            if (slice.Base is { } basis)
                yaml.Append(indent).Append("    base_model: ").Append(Quoted(basis.Label)).Append('\n');
            AppendParameters(yaml, indent + "    ", slice.Parameters);
        }
    }

    private static void AppendList(StringBuilder yaml, string name, IReadOnlyList<string> texts)
    {
        if (texts.Count > 0)
            yaml.Append(name).Append($": [{string.Join(", ", texts.Select(text => JsonSerializer.Serialize(text)))}]\n");
    }

    private static void AppendTokenizer(StringBuilder yaml, TokenizerDeclaration tokenizer)
    {
        yaml.Append("tokenizer:\n  source: ").Append(tokenizer.Model is { } model ? Quoted(model.Label) : tokenizer.Source == VocabularySource.Base ? "base" : "union").Append('\n');
        if (tokenizer.PadToMultipleOf is { } multiple)
            yaml.Append("  pad_to_multiple_of: ").Append(multiple).Append('\n');
        if (tokenizer.Tokens.Count > 0)
            yaml.Append("  tokens:\n");
        foreach (var rule in tokenizer.Tokens)
        {
            List<string> members = [];
            if (rule.Source == TokenRowSource.Zero)
                members.Add("source: {kind: zero}");
            else if (rule.OtherToken is { } other)
                members.Add($"source: {{kind: model_token, model: {Quoted(rule.Model!.Label)}, token: {Escaped(other)}}}");
            else if (rule.OtherTokenId is { } id)
                members.Add($"source: {{kind: model_token, model: {Quoted(rule.Model!.Label)}, token_id: {id}}}");
            else if (rule.Model is { } owner)
                members.Add($"source: {Quoted(owner.Label)}");
            if (rule.IsForced)
                members.Add("force: true");
            yaml.Append("    ").Append(Escaped(rule.Token)).Append(": {").AppendJoin(", ", members).Append("}\n");
        }
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
        text.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '.' or '-' or '_' or '+') && char.IsAsciiLetter(text[0]) ? text : Escaped(text);

    private static string Escaped(string text) => JsonSerializer.Serialize(text, Readable);
}
