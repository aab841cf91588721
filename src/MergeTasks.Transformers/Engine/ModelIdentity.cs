using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Engine;

/// <summary>What a configuration says beside the arithmetic.</summary>
internal sealed record ModelIdentity(string Folder, string Family, int? BeginOfSequence, IReadOnlyList<int> EndOfSequence)
{
    /// <summary>Reads the special tokens, one id or a list of them.</summary>
    public static ModelIdentity Read(ConfigReader config, string folder)
    {
        return new(folder, config.OptionalText("model_type")!, Ids("bos_token_id").Cast<int?>().FirstOrDefault(), Ids("eos_token_id"));

        // Where the language model is a part of another, either may say.
        IReadOnlyList<int> Ids(string key)
        {
            var text = config.Section("text_config")?.TokenIds(key) ?? [];
            return config.TokenIds(key) is { Count: > 0 } own ? own : text;
        }
    }
}
