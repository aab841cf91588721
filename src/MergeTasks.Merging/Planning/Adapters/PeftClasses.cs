using MergeTasks.Checkpoints.Configuration;

namespace MergeTasks.Merging.Planning.Adapters;

/// <summary>What PEFT needs to know of a base to find its class.</summary>
internal static class PeftClasses
{
    // Families whose Python module is called otherwise.
    private static readonly Dictionary<string, string> Modules = new(StringComparer.Ordinal) { ["openai_gpt"] = "openai" };

    /// <summary>What a model is for, as PEFT names it (<c>task_type</c>); <see langword="null"/> where that is not one of its kinds.
    /// </summary>
    public static string? TaskOf(ModelConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        return config.Architecture switch
        {
            null => null,
            var type when Ends(type, "ForCausalLM") || Ends(type, "LMHeadModel") => "CAUSAL_LM",
            var type when Ends(type, "ForSequenceClassification") => "SEQ_CLS",
            var type when Ends(type, "ForTokenClassification") => "TOKEN_CLS",
            var type when Ends(type, "ForQuestionAnswering") => "QUESTION_ANS",
            var type when Ends(type, "ForConditionalGeneration") && config.IsEncoderDecoder => "SEQ_2_SEQ_LM",
            var type when Ends(type, "Model") => "FEATURE_EXTRACTION",
            _ => null,
        };
    }

    /// <summary>The class and its Python module (<c>auto_mapping</c>); <see langword="null"/> where they are not known, or are code of the
    /// model's own.</summary>
    public static (string Class, string Library)? ClassOf(ModelConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        if (config is not { Architecture: { } type, ModelType: { } family } || config.HasOwnCode)
            return null;
        var module = family.Replace('-', '_');
        if (Ends(module, "_text"))
            module = module[..^"_text".Length];
        module = Modules.GetValueOrDefault(module, module);
        return (type, $"transformers.models.{module}.modeling_{module}");
    }

    private static bool Ends(string text, string end) => text.EndsWith(end, StringComparison.Ordinal);
}
