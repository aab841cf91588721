using MergeTasks.Transformers.Configuration;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Families;
using MergeTasks.Transformers.Tests.Golden;

namespace MergeTasks.Transformers.Tests.Families;

/// <summary>A key that nothing reads could change what the reference computes without changing what the engine computes.</summary>
public class UnreadKeyTests
{
    /// <summary>Keys of the reference implementation that change no result of a forward or backward pass in evaluation mode.</summary>
    private static readonly HashSet<string> WithoutEffect = new(StringComparer.Ordinal)
    {
        // Where the file comes from, and how its numbers are stored.
        "_name_or_path", "transformers_version", "dtype", "torch_dtype",
        // How weights were initialised before training.
        "initializer_range", "init_std", "initializer_factor", "sinusoidal_pos_embds",
        // Dropout and regularisation in training.
        "attention_dropout", "attention_probs_dropout_prob", "attn_pdrop", "embd_pdrop", "emb_pdrop", "resid_pdrop", "resid_dropout",
        "residual_dropout",
        "summary_first_dropout", "hidden_dropout", "hidden_dropout_prob", "classifier_dropout", "classifier_dropout_prob", "qa_dropout",
        "seq_classif_dropout",
        "dropout", "embedding_dropout", "layerdrop", "pooler_dropout", "output_router_logits", "router_aux_loss_coef",
        // Special tokens, which are data: padding has no gradient, and of its positions nothing is asked.
        "pad_token_id", "sep_token_id", "cls_token_id", "eod_token_id", "decoder_start_token_id", "forced_bos_token_id",
        "forced_eos_token_id",
        // The cache of generation, and parallel or other implementations of the same arithmetic.
        "use_cache", "pretraining_tp", "gradient_checkpointing", "is_decoder", "cache_implementation",
        "attn_implementation", "_attn_implementation_autoset", "torchscript", "reorder_and_upcast_attn",
        // Heads other than those that the engine runs, and layers that predict further tokens beside the model.
        "summary_activation", "summary_proj_to_labels", "summary_type", "summary_use_proj", "num_nextn_predict_layers",
        // Names of labels, which follow from the other list.
        "label2id",
    };

    public static TheoryData<string> Names => [.. GoldenModel.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_key_is_read_or_has_no_effect(string name)
    {
        var path = Path.Combine(GoldenModel.FolderOf(name), "config.json");
        var config = ConfigReader.Parse(File.ReadAllBytes(path), path);
        KnownFamilies.Describe(config);
        ModelIdentity.Read(config, GoldenModel.FolderOf(name));
        Assert.DoesNotContain(config.Unread, key => !HasNoEffect(key[(key.LastIndexOf('.') + 1)..]));
    }

    /// <summary>Whether a key changes nothing in any family.</summary>
    internal static bool HasNoEffect(string key) => WithoutEffect.Contains(key);
}
