using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Engine;

/// <summary>What a configuration says beside the arithmetic.</summary>
internal sealed record ModelIdentity(string Folder, string Family, int? BeginOfSequence, IReadOnlyList<int> EndOfSequence)
{
    /// <summary>Reads the special tokens, one id or a list of them.</summary>
    public static ModelIdentity Read(ConfigReader config, string folder) =>
        new(folder, config.OptionalText("model_type")!, config.TokenIds("bos_token_id").Cast<int?>().FirstOrDefault(), config.TokenIds("eos_token_id"));
}
