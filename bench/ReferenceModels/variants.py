"""Configurations of tiny models that together set every field which changes a family's arithmetic, and every activation kind."""

DECODER = dict(
    vocab_size=37, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, max_position_embeddings=64,
    bos_token_id=1, eos_token_id=2, pad_token_id=0, tie_word_embeddings=False,
)
GPT2 = dict(vocab_size=37, n_embd=16, n_layer=3, n_head=2, n_positions=32, bos_token_id=1, eos_token_id=2)
ENCODER = dict(vocab_size=37, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, max_position_embeddings=24)
DISTILBERT = dict(vocab_size=37, dim=16, hidden_dim=24, n_layers=2, n_heads=2, max_position_embeddings=24)

LINEAR = dict(rope_type="linear", factor=2.5)
OLD_LINEAR = dict(type="linear", factor=2.5)
LONG = dict(rope_type="longrope", short_factor=[1.0, 1.1, 1.2, 1.4], long_factor=[1.5, 2.0, 3.0, 5.0])
OLD_LONG = dict(type="longrope", short_factor=LONG["short_factor"], long_factor=LONG["long_factor"])


def of(base, **changes):
    return base | changes


VARIANTS = {
    # name: (class, configuration)
    "llama-linear": ("LlamaForCausalLM", of(DECODER, rope_scaling=LINEAR, rope_theta=500.0, hidden_act="gelu_fast", mlp_bias=True)),
    "llama-dynamic": ("LlamaForCausalLM", of(DECODER, rope_scaling=dict(rope_type="dynamic", factor=3.0), max_position_embeddings=8)),
    "llama-dynamic-short": ("LlamaForCausalLM", of(DECODER, rope_scaling=dict(rope_type="dynamic", factor=3.0), num_key_value_heads=1)),
    "llama-yarn": ("LlamaForCausalLM", of(
        DECODER, head_dim=16, rope_theta=50.0, max_position_embeddings=16, attention_bias=True,
        rope_scaling=dict(rope_type="yarn", factor=4.0, attention_factor=1.3, beta_fast=2.0, beta_slow=0.5))),
    "llama-yarn-mscale": ("LlamaForCausalLM", of(
        DECODER, head_dim=16, max_position_embeddings=16,
        rope_scaling=dict(rope_type="yarn", factor=3.0, mscale=0.7, mscale_all_dim=0.4))),
    "llama-longrope": ("LlamaForCausalLM", of(
        DECODER, rope_theta=100.0, max_position_embeddings=32, original_max_position_embeddings=8, rope_scaling=LONG)),
    "llama-longrope-factor": ("LlamaForCausalLM", of(DECODER, rope_theta=100.0, rope_scaling=LONG | dict(factor=4.0, attention_factor=1.2))),
    "llama-llama3": ("LlamaForCausalLM", of(DECODER, head_dim=12, rope_theta=100.0, num_key_value_heads=1, rope_scaling=dict(
        rope_type="llama3", factor=4.0, low_freq_factor=0.5, high_freq_factor=2.0, original_max_position_embeddings=12))),
    "mistral-window": ("MistralForCausalLM", of(DECODER, num_key_value_heads=2, tie_word_embeddings=True, sliding_window=1, hidden_act="gelu")),
    "mistral-linear": ("MistralForCausalLM", of(DECODER, num_key_value_heads=1, sliding_window=4, rope_scaling=LINEAR)),
    "mixtral-three": ("MixtralForCausalLM", of(
        DECODER, num_key_value_heads=1, num_local_experts=5, num_experts_per_tok=3, sliding_window=5)),
    "mixtral-one": ("MixtralForCausalLM", of(
        DECODER, num_key_value_heads=1, num_local_experts=2, num_experts_per_tok=1, head_dim=10, hidden_act="gelu_new", tie_word_embeddings=True)),
    "qwen2-yarn": ("Qwen2ForCausalLM", of(DECODER, num_key_value_heads=1, max_position_embeddings=16, rope_scaling=dict(rope_type="yarn", factor=4.0))),
    "qwen2-window": ("Qwen2ForCausalLM", of(DECODER, num_key_value_heads=1, use_sliding_window=True, sliding_window=5, max_window_layers=0)),
    "qwen3-bias": ("Qwen3ForCausalLM", of(DECODER, num_key_value_heads=2, head_dim=6, attention_bias=True, rope_scaling=LINEAR)),
    "qwen3-window": ("Qwen3ForCausalLM", of(
        DECODER, num_key_value_heads=1, head_dim=10, use_sliding_window=True, sliding_window=5, max_window_layers=0, tie_word_embeddings=True)),
    "gemma-bias": ("GemmaForCausalLM", of(
        DECODER, num_key_value_heads=1, head_dim=10, attention_bias=True, hidden_act="relu", hidden_activation="relu", rms_norm_eps=1e-3,
        tie_word_embeddings=True)),
    "gemma-untied": ("GemmaForCausalLM", of(DECODER, num_key_value_heads=2, head_dim=8, hidden_activation="gelu_pytorch_tanh")),
    "gemma2-uncapped": ("Gemma2ForCausalLM", of(
        DECODER, num_hidden_layers=3, num_key_value_heads=1, head_dim=10, attn_logit_softcapping=None, final_logit_softcapping=None,
        query_pre_attn_scalar=7, attention_bias=True, sliding_window=3, tie_word_embeddings=True)),
    "gemma2-untied": ("Gemma2ForCausalLM", of(
        DECODER, num_key_value_heads=1, head_dim=8, attn_logit_softcapping=3.0, final_logit_softcapping=None, sliding_window=40,
        hidden_activation="gelu")),
    "phi3-window": ("Phi3ForCausalLM", of(DECODER, num_key_value_heads=1, sliding_window=6, tie_word_embeddings=True, hidden_act="gelu")),
    "phi3-long": ("Phi3ForCausalLM", of(
        DECODER, num_key_value_heads=1, rope_scaling=OLD_LONG, original_max_position_embeddings=8, max_position_embeddings=32)),
    "phi3-short": ("Phi3ForCausalLM", of(
        DECODER, num_key_value_heads=1, rope_scaling=OLD_LONG, original_max_position_embeddings=13, max_position_embeddings=64)),
    "phi3-partial": ("Phi3ForCausalLM", of(DECODER, num_key_value_heads=2, partial_rotary_factor=0.75)),
    "phi-grouped": ("PhiForCausalLM", of(
        DECODER, num_attention_heads=2, num_key_value_heads=1, partial_rotary_factor=0.25, hidden_act="gelu_10", rope_scaling=LINEAR)),
    "phi-norms": ("PhiForCausalLM", of(DECODER, qk_layernorm=True, num_key_value_heads=1, layer_norm_eps=1e-3)),
    "olmo-clip": ("OlmoForCausalLM", of(DECODER, clip_qkv=0.8, num_key_value_heads=1, attention_bias=True, tie_word_embeddings=True)),
    "olmo-linear": ("OlmoForCausalLM", of(DECODER, hidden_act="gelu", rope_scaling=OLD_LINEAR)),
    "olmo2-grouped": ("Olmo2ForCausalLM", of(
        DECODER, num_key_value_heads=1, attention_bias=True, tie_word_embeddings=True, rms_norm_eps=1e-3, rope_scaling=OLD_LINEAR)),
    "stablelm-norms": ("StableLmForCausalLM", of(
        DECODER, num_key_value_heads=1, use_parallel_residual=True, qk_layernorm=True, partial_rotary_factor=0.5, rope_scaling=LINEAR)),
    "stablelm-sequential": ("StableLmForCausalLM", of(
        DECODER, num_key_value_heads=2, qk_layernorm=True, partial_rotary_factor=1.0, use_qkv_bias=True, tie_word_embeddings=True)),
    "starcoder2-window": ("Starcoder2ForCausalLM", of(
        DECODER, num_key_value_heads=1, sliding_window=6, use_bias=False, hidden_act="relu2", norm_epsilon=1e-3)),
    "starcoder2-full": ("Starcoder2ForCausalLM", of(
        DECODER, num_key_value_heads=2, sliding_window=None, tie_word_embeddings=True, rope_scaling=LINEAR)),
    "gpt2-depth": ("GPT2LMHeadModel", of(
        GPT2, scale_attn_by_inverse_layer_idx=True, tie_word_embeddings=False, n_inner=20, activation_function="quick_gelu")),
    "gpt2-unscaled": ("GPT2LMHeadModel", of(GPT2, scale_attn_weights=False, activation_function="relu6", layer_norm_epsilon=1e-3)),
    "gpt2-reordered": ("GPT2LMHeadModel", of(GPT2, reorder_and_upcast_attn=True, scale_attn_by_inverse_layer_idx=True)),
    "gpt_neox-sequential": ("GPTNeoXForCausalLM", of(
        DECODER, use_parallel_residual=False, attention_bias=False, rotary_pct=0.5, hidden_act="gelu_new", rope_scaling=OLD_LINEAR)),
    "gpt_neox-tied": ("GPTNeoXForCausalLM", of(
        DECODER, rotary_pct=1.0, tie_word_embeddings=True, hidden_act="leaky_relu", rotary_emb_base=500, layer_norm_eps=1e-3)),
    "bert-mlm-untied": ("BertForMaskedLM", of(ENCODER, hidden_act="mish", tie_word_embeddings=False, type_vocab_size=3)),
    "bert-cls-two": ("BertForSequenceClassification", of(ENCODER, hidden_act="relu", num_labels=2, layer_norm_eps=1e-3)),
    "roberta-mlm-untied": ("RobertaForMaskedLM", of(
        ENCODER, hidden_act="sigmoid", tie_word_embeddings=False, type_vocab_size=2, pad_token_id=0, layer_norm_eps=1e-5)),
    "roberta-cls-five": ("RobertaForSequenceClassification", of(ENCODER, hidden_act="linear", num_labels=5, pad_token_id=3)),
    "distilbert-mlm-untied": ("DistilBertForMaskedLM", of(DISTILBERT, tie_word_embeddings=False, sinusoidal_pos_embds=True)),
    "ernie4_5_moe-bias": ("Ernie4_5_MoeForCausalLM", of(
        DECODER, num_key_value_heads=2, use_bias=True, moe_layer_start_index=2, hidden_act="gelu_new")),
    "hunyuan_v1_dense-long": ("HunYuanDenseV1ForCausalLM", of(
        DECODER, num_key_value_heads=1, head_dim=12, max_position_embeddings=8, attention_bias=True, rope_scaling=dict(
            type="dynamic", alpha=50.0, factor=1.5))),
    "distilbert-cls-two": ("DistilBertForSequenceClassification", of(DISTILBERT, activation="tanh", num_labels=2)),
}
