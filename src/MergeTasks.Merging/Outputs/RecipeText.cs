using System.Text;
using System.Text.Json;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Experts;
using MergeTasks.Language.Importance;
using MergeTasks.Language.Options;
using MergeTasks.Language.Recipes;

namespace MergeTasks.Merging.Outputs;

/// <summary>A declaration as a recipe, however it was declared: what a reader of the output needs to repeat the merge.</summary>
internal static class RecipeText
{
    private static readonly JsonSerializerOptions Readable = new()
    {
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping
    };

    /// <summary>The recipe's YAML text.</summary>
    public static string Of(MergeDeclaration merge)
    {
        var yaml = new StringBuilder();
        if (merge.Mixture is { } mixture)
        {
            AppendMixture(yaml, merge, mixture);
            return yaml.ToString();
        }

        yaml.Append("merge_method: ").Append(merge.Method).Append('\n');
        if (merge.Base is { } baseModel)
            yaml.Append("base_model: ").Append(Quoted(baseModel.Label)).Append('\n');
        if (merge.IsWhole)
            AppendModels(yaml, "", merge.Models, merge.NeedsScores);
        AppendSlices(yaml, "", merge.Slices, merge.NeedsScores);
        if (merge.Modules.Count > 0)
            yaml.Append("modules:\n");
        foreach (var module in merge.Modules)
        {
            yaml.Append("  ").Append(Quoted(module.Name)).Append(":\n");
            AppendModels(yaml, "    ", module.Models, merge.NeedsScores);
            AppendSlices(yaml, "    ", module.Slices, merge.NeedsScores);
            AppendParameters(yaml, "    ", module.Parameters);
        }

        AppendParameters(yaml, "", merge.Parameters);
        foreach (var option in MergeSettings.Options)
            AppendOption(yaml, "", option, option.Written(merge));
        if (merge.Transplant is { } transplant)
        {
            foreach (var option in TransplantSettings.Options)
                AppendOption(yaml, "", option, option.Written(transplant));
        }

        if (merge.Tokenizer is { } tokenizer)
            AppendTokenizer(yaml, tokenizer);
        if (merge.ChatTemplate is { } template)
            yaml.Append("chat_template: ").Append(Quoted(template.Text)).Append('\n');
        if (merge.ImportanceBase is { } importanceBase)
            yaml.Append(MergeOptions.ImportanceBase.Key).Append(": ").Append(Quoted(importanceBase.Label)).Append('\n');
        if (merge.NeedsScores)
            AppendOption(
                yaml,
                "",
                FactorDeclaration.Options[0],
                FactorDeclaration.Options[0].Written(merge.Factor ?? new FactorDeclaration(1, merge.Location)));
        if (merge.Aim is { } aim)
            AppendSection(yaml, aim, AimDeclaration.Options);
        if (merge.Apl is { } apl)
            AppendSection(yaml, apl, AplDeclaration.Options);
        return yaml.ToString();
    }

    // As mergekit-moe has it, with this project's keys besides.
    private static void AppendMixture(StringBuilder yaml, MergeDeclaration merge, MixtureDeclaration mixture)
    {
        yaml.Append("base_model: ").Append(Quoted(merge.Base!.Label)).Append('\n');
        foreach (var option in MixtureDeclaration.Options)
            AppendOption(yaml, "", option, option.Written(mixture));
        foreach (var option in MergeSettings.Options)
            AppendOption(yaml, "", option, option.Written(merge));
        if (merge.ChatTemplate is { } template)
            yaml.Append("chat_template: ").Append(Quoted(template.Text)).Append('\n');
        foreach (var group in merge.Models.Zip(mixture.Experts).GroupBy(pair => pair.Second.IsShared).OrderBy(group => group.Key))
        {
            yaml.Append(group.Key ? "shared_experts:\n" : "experts:\n");
            foreach (var (model, expert) in group)
            {
                yaml.Append("  - source_model: ").Append(Quoted(model.Label)).Append('\n');
                AppendTexts(yaml, "    ", "positive_prompts", expert.PositivePrompts);
                AppendTexts(yaml, "    ", "negative_prompts", expert.NegativePrompts);
                if (expert.NoiseScale is { } noise)
                    yaml.Append("    noise_scale: ").Append(NumberText.Of(noise)).Append('\n');
                if (expert.ResidualScale is { } scale)
                    yaml.Append("    residual_scale: ").Append(NumberText.Of(scale)).Append('\n');
            }
        }
    }

    private static void AppendTexts(StringBuilder yaml, string indent, string key, IReadOnlyList<string> texts)
    {
        if (texts.Count > 0)
            yaml.Append(indent).Append(key).Append(":\n");
        foreach (var text in texts)
            yaml.Append(indent).Append("  - ").Append(Escaped(text)).Append('\n');
    }

    private static void AppendModels(StringBuilder yaml, string indent, IReadOnlyList<ModelDeclaration> models, bool withData)
    {
        if (models.Count > 0)
            yaml.Append(indent).Append("models:\n");
        foreach (var model in models)
        {
            yaml.Append(indent).Append("  - model: ").Append(Quoted(model.Label)).Append('\n');
            AppendParameters(yaml, indent + "    ", model.Parameters);
            AppendData(yaml, indent + "    ", model, withData);
        }
    }

    private static void AppendData(StringBuilder yaml, string indent, ModelDeclaration model, bool withData)
    {
        if (withData && model.TaskData is { } data)
            yaml.Append(indent).Append(DataFile.OfTask.Key).Append(": ").Append(Quoted(data.Label)).Append('\n');
    }

    private static void AppendSlices(StringBuilder yaml, string indent, IReadOnlyList<SliceDeclaration> slices, bool withData)
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
                AppendData(yaml, indent + "        ", source.Model, withData);
            }

            if (slice.Base is { } baseModel)
                yaml.Append(indent).Append("    base_model: ").Append(Quoted(baseModel.Label)).Append('\n');
            AppendParameters(yaml, indent + "    ", slice.Parameters);
        }
    }

    private static void AppendTokenizer(StringBuilder yaml, TokenizerDeclaration tokenizer)
    {
        yaml.Append("tokenizer:\n  source: ")
            .Append(tokenizer.Model is { } model ? Quoted(model.Label) : tokenizer.Source == VocabularySource.Base ? "base" : "union")
            .Append('\n');
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

    private static void AppendSection<T>(StringBuilder yaml, T settings, IReadOnlyList<MergeOption<T>> options)
    {
        yaml.Append(options[0].Section).Append(":\n");
        foreach (var option in options)
            AppendOption(yaml, "  ", option, option.Written(settings));
    }

    private static void AppendOption(StringBuilder yaml, string indent, MergeOption option, string? value)
    {
        if (value is null)
            return;
        var isPlain = value.StartsWith('[') || NumberText.Parse(value) is not null;
        yaml.Append(indent).Append(option.Key).Append(": ").Append(isPlain ? value : Quoted(value)).Append('\n');
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
        text.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '.' or '-' or '_' or '+') && char.IsAsciiLetter(text[0])
            ? text
            : Escaped(text);

    private static string Escaped(string text) => JsonSerializer.Serialize(text, Readable);
}
