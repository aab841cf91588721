using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>The sizes that most decoders' configurations give under the same keys.</summary>
/// <param name="Vocabulary">Rows of the token table.</param>
/// <param name="Hidden">Channels of the residual stream.</param>
/// <param name="Intermediate">Inner channels of the feed-forward part.</param>
/// <param name="Layers">Number of layers.</param>
/// <param name="Heads">Query heads.</param>
/// <param name="KeyValueHeads">Key and value heads; 0 in a family's defaults: as many as query heads.</param>
/// <param name="MaximumPositions">The longest sequence that the model was made for.</param>
/// <param name="HeadSize">Channels of one head; 0 in a family's defaults: hidden channels / query heads.</param>
internal sealed record DecoderShape(
    int Vocabulary, int Hidden, int Intermediate, int Layers, int Heads, int KeyValueHeads, int MaximumPositions, int HeadSize = 0)
{
    /// <summary>What rotary positions depend on.</summary>
    public DecoderSize Size => new(HeadSize, MaximumPositions);

    /// <summary>Reads the sizes, taking what is absent from the defaults of the family's configuration class.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="absent">The defaults.</param>
    /// <param name="oneIntermediate">Whether the feed-forward part is as wide in all layers; else the family reads how wide it is.</param>
    public static DecoderShape Read(ConfigReader config, DecoderShape absent, bool oneIntermediate = true)
    {
        var hidden = config.Int("hidden_size", absent.Hidden);
        var heads = config.Int("num_attention_heads", absent.Heads);
        // An explicit null means "as many as query heads" in every family; only an absent key takes the class's own default.
        var keyValueHeads = config.OptionalInt("num_key_value_heads")
            ?? (absent.KeyValueHeads == 0 || config.Mentions("num_key_value_heads") ? heads : absent.KeyValueHeads);
        if (heads % keyValueHeads != 0)
            throw config.Invalid("num_key_value_heads", $"a divisor of the {heads} attention heads");
        var headSize = config.OptionalInt("head_dim")
            ?? (absent.HeadSize == 0 || config.Mentions("head_dim") ? hidden / heads : absent.HeadSize);
        if (headSize == 0)
            throw config.Invalid("num_attention_heads", $"at most 'hidden_size' ({hidden})");
        return new DecoderShape(
            config.Int("vocab_size", absent.Vocabulary),
            hidden,
            oneIntermediate ? config.Int("intermediate_size", absent.Intermediate) : absent.Intermediate,
            config.Int("num_hidden_layers", absent.Layers),
            heads,
            keyValueHeads,
            config.Int("max_position_embeddings", absent.MaximumPositions),
            headSize);
    }
}
