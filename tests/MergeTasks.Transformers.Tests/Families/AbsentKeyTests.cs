using System.Text.Json.Nodes;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;
using MergeTasks.Transformers.Families;

namespace MergeTasks.Transformers.Tests.Families;

/// <summary>
/// What an absent key means: the defaults that the configuration classes of transformers 5 declare, copied from these as plain numbers, and
/// the lists that they derive. A file without any of the keys describes the same model as one that spells all of them out; so does a file
/// without any one of them.
/// </summary>
public class AbsentKeyTests
{
    private const string Llama = """
        "vocab_size":32000,"hidden_size":4096,"intermediate_size":11008,"num_hidden_layers":32,"num_attention_heads":32,"num_key_value_heads":32,
        "hidden_act":"silu","max_position_embeddings":2048,"rms_norm_eps":1e-6,"tie_word_embeddings":false,"rope_theta":10000.0,"attention_bias":false
        """;
    private const string Mistral = """
        "vocab_size":32000,"hidden_size":4096,"intermediate_size":14336,"num_hidden_layers":32,"num_attention_heads":32,"num_key_value_heads":8,
        "head_dim":128,"hidden_act":"silu","max_position_embeddings":131072,"tie_word_embeddings":false
        """;
    private const string Olmo = """
        "vocab_size":50304,"hidden_size":4096,"intermediate_size":11008,"num_hidden_layers":32,"num_attention_heads":32,"num_key_value_heads":32,
        "hidden_act":"silu","max_position_embeddings":2048,"tie_word_embeddings":false,"attention_bias":false
        """;
    private const string Qwen = """
        "vocab_size":151936,"hidden_size":4096,"intermediate_size":22016,"num_hidden_layers":32,"num_attention_heads":32,"num_key_value_heads":32,
        "hidden_act":"silu","max_position_embeddings":32768,"rms_norm_eps":1e-6,"tie_word_embeddings":false,"rope_theta":10000.0,
        "use_sliding_window":false,"sliding_window":4096,"max_window_layers":28
        """;
    private const string Linear = """
        "hidden_act":"silu","max_position_embeddings":32768,"rms_norm_eps":1e-6,"tie_word_embeddings":false,"rope_theta":10000.0,
        "attention_bias":false,"head_dim":256,"linear_conv_kernel_dim":4,"linear_key_head_dim":128,"linear_value_head_dim":128,
        "linear_num_key_heads":16,"linear_num_value_heads":32,"partial_rotary_factor":0.25,"full_attention_interval":4,"layer_types":"LLLF"
        """;
    private const string Glm = """
        "vocab_size":151552,"hidden_size":4096,"intermediate_size":13696,"num_hidden_layers":40,"num_attention_heads":32,"num_key_value_heads":2,
        "head_dim":128,"hidden_act":"silu","max_position_embeddings":131072,"rms_norm_eps":1.5625e-7,"tie_word_embeddings":false,
        "rope_theta":10000.0,"attention_bias":true,"partial_rotary_factor":0.5
        """;
    private const string Cohere = """
        "vocab_size":256000,"hidden_size":8192,"intermediate_size":22528,"logit_scale":0.0625,"num_hidden_layers":40,"num_attention_heads":64,
        "num_key_value_heads":64,"hidden_act":"silu","max_position_embeddings":8192,"layer_norm_eps":1e-5,"tie_word_embeddings":true,
        "attention_bias":false
        """;
    private const string Granite =
        """, "embedding_multiplier":1.0,"logits_scaling":1.0,"residual_multiplier":1.0,"attention_multiplier":1.0""";

    // "layer_types" and the like: S for sliding_attention, F for full_attention, L for linear_attention, C for chunked_attention, repeated.
    private static readonly Dictionary<string, string> Defaults = new(StringComparer.Ordinal)
    {
        ["llama"] = Llama + ""","head_dim":128,"mlp_bias":false""",
        ["mistral"] = Mistral + ""","rms_norm_eps":1e-6,"rope_theta":10000.0,"sliding_window":4096""",
        ["ministral"] = Mistral + ""","rms_norm_eps":1e-6,"rope_theta":10000.0,"sliding_window":4096,"layer_types":"S" """,
        ["ministral3"] = """
            "vocab_size":131072,"hidden_size":4096,"intermediate_size":14336,"num_hidden_layers":34,"num_attention_heads":32,"num_key_value_heads":8,
            "head_dim":128,"hidden_act":"silu","max_position_embeddings":262144,"rms_norm_eps":1e-5,"tie_word_embeddings":false,
            "sliding_window":null,"rope_parameters":{"type":"yarn","rope_theta":1000000.0,"factor":16.0,"original_max_position_embeddings":16384,
            "beta_fast":32.0,"beta_slow":1.0,"mscale_all_dim":1.0,"mscale":1.0,"llama_4_scaling_beta":0.1}
            """,
        ["mixtral"] = Mistral + ""","rms_norm_eps":1e-5,"rope_theta":1000000.0,"sliding_window":null,"num_experts_per_tok":2,"num_local_experts":8""",
        ["minimax"] = Mistral + """
            ,"rms_norm_eps":1e-5,"rope_theta":1000000.0,"sliding_window":null,"num_experts_per_tok":2,"num_local_experts":8,"layer_types":"FL",
            "full_attn_alpha_factor":1,"full_attn_beta_factor":1,"linear_attn_alpha_factor":1,"linear_attn_beta_factor":1,"mlp_alpha_factor":1,
            "mlp_beta_factor":1
            """,
        ["phimoe"] = """
            "vocab_size":32064,"hidden_size":4096,"intermediate_size":6400,"num_hidden_layers":32,"num_attention_heads":32,"num_key_value_heads":8,
            "hidden_act":"silu","max_position_embeddings":131072,"rms_norm_eps":1e-5,"tie_word_embeddings":false,"rope_theta":1000000.0,
            "sliding_window":null,"num_experts_per_tok":2,"num_local_experts":16,"router_jitter_noise":0.01,"attention_bias":false,"lm_head_bias":false
            """,
        ["qwen2"] = Qwen,
        ["qwen3"] = Qwen + ""","head_dim":128,"attention_bias":false""",
        ["qwen2_moe"] = """
            "vocab_size":151936,"hidden_size":2048,"intermediate_size":5632,"num_hidden_layers":24,"num_attention_heads":16,"num_key_value_heads":16,
            "hidden_act":"silu","max_position_embeddings":32768,"rms_norm_eps":1e-6,"tie_word_embeddings":false,"rope_theta":10000.0,
            "use_sliding_window":false,"sliding_window":4096,"max_window_layers":28,"decoder_sparse_step":1,"moe_intermediate_size":1408,
            "shared_expert_intermediate_size":5632,"num_experts_per_tok":4,"num_experts":60,"norm_topk_prob":false,"mlp_only_layers":[],"qkv_bias":true
            """,
        ["qwen3_moe"] = """
            "vocab_size":151936,"hidden_size":2048,"intermediate_size":6144,"num_hidden_layers":24,"num_attention_heads":32,"num_key_value_heads":4,
            "hidden_act":"silu","max_position_embeddings":32768,"rms_norm_eps":1e-6,"tie_word_embeddings":false,"rope_theta":10000.0,
            "attention_bias":false,"use_sliding_window":false,"sliding_window":4096,"decoder_sparse_step":1,"moe_intermediate_size":768,
            "num_experts_per_tok":8,"num_experts":128,"norm_topk_prob":false,"mlp_only_layers":[]
            """,
        ["qwen3_next"] = Linear + """
            ,"vocab_size":151936,"hidden_size":2048,"intermediate_size":5632,"num_hidden_layers":48,"num_attention_heads":16,"num_key_value_heads":2,
            "decoder_sparse_step":1,"moe_intermediate_size":512,"shared_expert_intermediate_size":512,"num_experts_per_tok":10,"num_experts":512,
            "norm_topk_prob":true,"mlp_only_layers":[]
            """,
        ["qwen3_5_text"] = Linear + """
            ,"vocab_size":248320,"hidden_size":4096,"intermediate_size":12288,"num_hidden_layers":32,"num_attention_heads":16,"num_key_value_heads":4
            """,
        ["qwen3_5_moe_text"] = Linear + """
            ,"vocab_size":248320,"hidden_size":2048,"num_hidden_layers":40,"num_attention_heads":16,"num_key_value_heads":2,
            "moe_intermediate_size":512,"shared_expert_intermediate_size":512,"num_experts_per_tok":8,"num_experts":256
            """,
        ["glm"] = Glm,
        ["glm4"] = Glm,
        ["glm4_moe"] = """
            "vocab_size":151552,"hidden_size":4096,"intermediate_size":10944,"num_hidden_layers":46,"num_attention_heads":96,"num_key_value_heads":8,
            "hidden_act":"silu","max_position_embeddings":131072,"rms_norm_eps":1e-5,"tie_word_embeddings":false,"rope_theta":10000.0,
            "attention_bias":false,"partial_rotary_factor":0.5,"moe_intermediate_size":1408,"num_experts_per_tok":8,"n_group":1,"topk_group":1,
            "norm_topk_prob":true
            """,
        ["glm4_moe_lite"] = """
            "vocab_size":154880,"hidden_size":2048,"intermediate_size":10240,"moe_intermediate_size":1536,"num_hidden_layers":47,
            "num_attention_heads":20,"num_key_value_heads":20,"n_shared_experts":1,"n_routed_experts":64,"routed_scaling_factor":1.8,
            "kv_lora_rank":512,"q_lora_rank":768,"qk_rope_head_dim":64,"v_head_dim":256,"qk_nope_head_dim":192,"n_group":1,"topk_group":1,
            "num_experts_per_tok":4,"norm_topk_prob":true,"hidden_act":"silu","max_position_embeddings":202752,"rms_norm_eps":1e-5,
            "tie_word_embeddings":false,"rope_interleave":true,"attention_bias":false,"rope_theta":10000.0
            """,
        ["deepseek_v2"] = Llama + """
            ,"first_k_dense_replace":0,"kv_lora_rank":512,"q_lora_rank":1536,"n_group":null,"n_routed_experts":64,"n_shared_experts":2,
            "qk_nope_head_dim":128,"qk_rope_head_dim":64,"routed_scaling_factor":1.0,"topk_group":null,"topk_method":"greedy","v_head_dim":128,
            "moe_intermediate_size":1407,"mlp_bias":false
            """,
        ["deepseek_v3"] = """
            "vocab_size":129280,"hidden_size":7168,"intermediate_size":18432,"moe_intermediate_size":2048,"num_hidden_layers":61,
            "num_attention_heads":128,"num_key_value_heads":128,"n_shared_experts":1,"n_routed_experts":256,"routed_scaling_factor":2.5,
            "kv_lora_rank":512,"q_lora_rank":1536,"qk_rope_head_dim":64,"v_head_dim":128,"qk_nope_head_dim":128,"n_group":8,"topk_group":4,
            "num_experts_per_tok":8,"first_k_dense_replace":3,"norm_topk_prob":true,"hidden_act":"silu","max_position_embeddings":4096,
            "rms_norm_eps":1e-6,"tie_word_embeddings":false,"rope_interleave":true,"attention_bias":false,"rope_theta":10000.0
            """,
        ["ernie4_5"] = """
            "vocab_size":103424,"hidden_size":1024,"intermediate_size":3072,"num_hidden_layers":18,"num_attention_heads":16,"num_key_value_heads":2,
            "hidden_act":"silu","max_position_embeddings":131072,"rms_norm_eps":1e-5,"tie_word_embeddings":true,"rope_theta":500000.0,
            "use_bias":false,"head_dim":128
            """,
        ["ernie4_5_moe"] = """
            "vocab_size":103424,"hidden_size":2560,"intermediate_size":12288,"num_hidden_layers":28,"num_attention_heads":20,"num_key_value_heads":4,
            "hidden_act":"silu","max_position_embeddings":131072,"rms_norm_eps":1e-5,"tie_word_embeddings":true,"rope_theta":500000.0,
            "use_bias":false,"moe_intermediate_size":1536,"moe_k":6,"moe_num_experts":64,"moe_num_shared_experts":2,"moe_layer_start_index":1,
            "moe_layer_end_index":-1,"moe_layer_interval":1,"moe_norm_min":1e-12
            """,
        ["llama4_text"] = """
            "vocab_size":202048,"hidden_size":5120,"intermediate_size":8192,"intermediate_size_mlp":16384,"num_hidden_layers":48,
            "num_attention_heads":40,"num_key_value_heads":8,"head_dim":128,"hidden_act":"silu","max_position_embeddings":131072,
            "rms_norm_eps":1e-5,"tie_word_embeddings":false,"num_experts_per_tok":1,"num_local_experts":16,"moe_layers":[0,1,2,3],
            "interleave_moe_layer_step":1,"use_qk_norm":true,"no_rope_layers":[1,1,1,0],"no_rope_layer_interval":4,"attention_chunk_size":8192,
            "layer_types":"CCCF","attn_temperature_tuning":true,"floor_scale":8192,"attn_scale":0.1,"attention_bias":false,"rope_theta":500000.0
            """,
        ["exaone4"] = """
            "vocab_size":102400,"hidden_size":4096,"intermediate_size":16384,"num_hidden_layers":32,"num_attention_heads":32,"num_key_value_heads":32,
            "hidden_act":"silu","max_position_embeddings":2048,"rms_norm_eps":1e-5,"tie_word_embeddings":false,"rope_theta":10000.0,
            "sliding_window":4096,"sliding_window_pattern":4,"layer_types":"SSSF"
            """,
        ["smollm3"] = """
            "vocab_size":128256,"hidden_size":2048,"intermediate_size":11008,"num_hidden_layers":36,"num_attention_heads":16,"num_key_value_heads":4,
            "hidden_act":"silu","max_position_embeddings":32768,"rms_norm_eps":1e-6,"rope_theta":2000000.0,"use_sliding_window":false,
            "sliding_window":null,"no_rope_layers":[1,1,1,0],"no_rope_layer_interval":4,"layer_types":"F","attention_bias":false,"mlp_bias":false,
            "tie_word_embeddings":true
            """,
        ["cohere"] = Cohere + ""","use_qk_norm":false,"rope_theta":500000.0""",
        ["cohere2"] = Cohere + ""","sliding_window":4096,"sliding_window_pattern":4,"layer_types":"SSSF","rope_theta":10000.0""",
        ["lfm2"] = """
            "vocab_size":65536,"hidden_size":2560,"intermediate_size":12288,"num_hidden_layers":32,"num_attention_heads":32,"num_key_value_heads":8,
            "max_position_embeddings":128000,"norm_eps":1e-5,"tie_word_embeddings":true,"rope_theta":1000000.0,"conv_bias":false,"conv_L_cache":3,
            "block_multiple_of":256,"block_ffn_dim_multiplier":1.0,"block_auto_adjust_ff_dim":true,"layer_types":"F"
            """,
        ["lfm2_moe"] = """
            "vocab_size":65536,"hidden_size":2048,"intermediate_size":7168,"moe_intermediate_size":1792,"num_hidden_layers":32,
            "num_attention_heads":32,"num_key_value_heads":8,"max_position_embeddings":128000,"norm_eps":1e-5,"tie_word_embeddings":true,
            "rope_theta":1000000.0,"conv_bias":false,"conv_L_cache":3,"num_dense_layers":2,"num_experts_per_tok":4,"num_experts":32,
            "use_expert_bias":true,"routed_scaling_factor":1.0,"norm_topk_prob":true
            """,
        ["gemma"] = """
            "vocab_size":256000,"hidden_size":3072,"intermediate_size":24576,"num_hidden_layers":28,"num_attention_heads":16,
            "num_key_value_heads":16,"head_dim":256,"hidden_act":"gelu_pytorch_tanh","max_position_embeddings":8192,"rms_norm_eps":1e-6,
            "tie_word_embeddings":true,"rope_theta":10000.0,"attention_bias":false
            """,
        ["gemma2"] = """
            "vocab_size":256000,"hidden_size":2304,"intermediate_size":9216,"num_hidden_layers":26,"num_attention_heads":8,"num_key_value_heads":4,
            "head_dim":256,"hidden_activation":"gelu_pytorch_tanh","max_position_embeddings":8192,"rms_norm_eps":1e-6,"tie_word_embeddings":true,
            "rope_theta":10000.0,"attention_bias":false,"query_pre_attn_scalar":256,"sliding_window":4096,"layer_types":"SF",
            "final_logit_softcapping":30.0,"attn_logit_softcapping":50.0
            """,
        ["gemma3_text"] = """
            "vocab_size":262208,"hidden_size":2304,"intermediate_size":9216,"num_hidden_layers":26,"num_attention_heads":8,"num_key_value_heads":4,
            "head_dim":256,"hidden_activation":"gelu_pytorch_tanh","max_position_embeddings":131072,"rms_norm_eps":1e-6,"tie_word_embeddings":true,
            "rope_theta":1000000.0,"rope_local_base_freq":10000.0,"attention_bias":false,"query_pre_attn_scalar":256,"sliding_window":4096,
            "sliding_window_pattern":6,"layer_types":"SSSSSF","final_logit_softcapping":null
            """,
        ["gemma3n_text"] = """
            "vocab_size":262400,"hidden_size":2048,"intermediate_size":16384,"num_hidden_layers":35,"num_attention_heads":8,"num_key_value_heads":2,
            "head_dim":256,"hidden_activation":"gelu_pytorch_tanh","max_position_embeddings":32768,"rms_norm_eps":1e-6,"tie_word_embeddings":true,
            "rope_theta":1000000.0,"rope_local_base_freq":10000.0,"attention_bias":false,"sliding_window":512,"layer_types":"SSSSF",
            "final_logit_softcapping":30.0,"vocab_size_per_layer_input":262144,"hidden_size_per_layer_input":256,"altup_active_idx":0,
            "altup_coef_clip":120.0,"altup_correct_scale":true,"altup_num_inputs":4,"num_kv_shared_layers":15,"laurel_rank":64
            """,
        ["gemma4_text"] = """
            "vocab_size":262144,"hidden_size":2304,"intermediate_size":9216,"num_hidden_layers":30,"num_attention_heads":8,"num_key_value_heads":4,
            "head_dim":256,"hidden_activation":"gelu_pytorch_tanh","max_position_embeddings":131072,"rms_norm_eps":1e-6,"tie_word_embeddings":true,
            "attention_bias":false,"sliding_window":512,"layer_types":"SSSSSF","final_logit_softcapping":null,"vocab_size_per_layer_input":262144,
            "hidden_size_per_layer_input":256,"attention_k_eq_v":false,"num_kv_shared_layers":0,"enable_moe_block":false,
            "use_double_wide_mlp":false,"global_head_dim":512,"rope_parameters":{"sliding_attention":{"rope_type":"default","rope_theta":10000.0},
            "full_attention":{"rope_type":"proportional","partial_rotary_factor":0.25,"rope_theta":1000000.0}}
            """,
        ["granite"] = Llama + Granite + ""","mlp_bias":false""",
        ["granitemoe"] = Llama + Granite + ""","num_local_experts":8,"num_experts_per_tok":2""",
        ["apertus"] = """
            "vocab_size":131072,"hidden_size":4096,"intermediate_size":14336,"num_hidden_layers":32,"num_attention_heads":32,"num_key_value_heads":32,
            "hidden_act":"xielu","max_position_embeddings":65536,"rms_norm_eps":1e-5,"tie_word_embeddings":false,"attention_bias":false,
            "rope_parameters":{"rope_type":"llama3","rope_theta":12000000.0,"factor":8.0,"original_max_position_embeddings":8192,
            "low_freq_factor":1.0,"high_freq_factor":4.0}
            """,
        ["gpt_oss"] = """
            "num_hidden_layers":36,"num_local_experts":128,"vocab_size":201088,"hidden_size":2880,"intermediate_size":2880,"head_dim":64,
            "num_attention_heads":64,"num_key_value_heads":8,"sliding_window":128,"tie_word_embeddings":false,"max_position_embeddings":131072,
            "rms_norm_eps":1e-5,"num_experts_per_tok":4,"swiglu_alpha":1.702,"swiglu_limit":7.0,"layer_types":"SF","attention_bias":true,
            "rope_parameters":{"rope_type":"yarn","rope_theta":150000.0,"factor":32.0,"beta_fast":32.0,"beta_slow":1.0,"truncate":false,
            "original_max_position_embeddings":4096}
            """,
        ["olmo"] = Olmo + ""","rope_theta":10000.0,"clip_qkv":null""",
        ["olmo2"] = Olmo + ""","rope_theta":10000.0,"rms_norm_eps":1e-5""",
        ["olmo3"] = Olmo + ""","rope_theta":500000.0,"rms_norm_eps":1e-5,"sliding_window":4096,"layer_types":"SSSF" """,
        ["olmoe"] = """
            "vocab_size":50304,"hidden_size":2048,"intermediate_size":2048,"num_hidden_layers":16,"num_attention_heads":16,"num_key_value_heads":16,
            "hidden_act":"silu","max_position_embeddings":4096,"rms_norm_eps":1e-5,"tie_word_embeddings":false,"rope_theta":10000.0,
            "attention_bias":false,"clip_qkv":null,"num_experts_per_tok":8,"num_experts":64,"norm_topk_prob":false
            """,
        ["nemotron"] = """
            "vocab_size":256000,"hidden_size":6144,"intermediate_size":24576,"num_hidden_layers":32,"num_attention_heads":48,"head_dim":128,
            "num_key_value_heads":48,"hidden_act":"relu2","max_position_embeddings":4096,"norm_eps":1e-5,"tie_word_embeddings":false,
            "rope_theta":10000.0,"partial_rotary_factor":0.5,"attention_bias":false,"mlp_bias":false
            """,
        ["hunyuan_v1_dense"] = """
            "vocab_size":290943,"hidden_size":4096,"intermediate_size":11008,"num_hidden_layers":32,"num_attention_heads":32,"num_key_value_heads":32,
            "hidden_act":"silu","max_position_embeddings":2048,"rms_norm_eps":1e-5,"tie_word_embeddings":false,"rope_theta":10000.0,
            "attention_bias":false,"head_dim":128
            """,
        ["seed_oss"] = """
            "vocab_size":155136,"hidden_size":4096,"intermediate_size":27648,"num_hidden_layers":64,"num_attention_heads":80,"num_key_value_heads":8,
            "hidden_act":"silu","max_position_embeddings":524288,"rms_norm_eps":1e-6,"tie_word_embeddings":false,"rope_theta":10000.0,
            "attention_bias":true,"attention_out_bias":false,"mlp_bias":false,"head_dim":128
            """,
        ["arcee"] = """
            "vocab_size":32000,"hidden_size":2560,"intermediate_size":18432,"num_hidden_layers":32,"num_attention_heads":32,"num_key_value_heads":32,
            "hidden_act":"relu2","max_position_embeddings":4096,"rms_norm_eps":1e-5,"tie_word_embeddings":false,"rope_theta":10000.0,
            "attention_bias":false,"mlp_bias":false,"head_dim":80
            """,
        ["stablelm"] = """
            "vocab_size":50304,"intermediate_size":6912,"hidden_size":2560,"num_hidden_layers":32,"num_attention_heads":32,"num_key_value_heads":32,
            "hidden_act":"silu","max_position_embeddings":4096,"layer_norm_eps":1e-5,"tie_word_embeddings":false,"rope_theta":10000.0,
            "use_qkv_bias":false,"qk_layernorm":false,"use_parallel_residual":false,"partial_rotary_factor":0.25
            """,
        ["starcoder2"] = """
            "vocab_size":49152,"hidden_size":3072,"intermediate_size":12288,"num_hidden_layers":30,"num_attention_heads":24,"num_key_value_heads":2,
            "hidden_act":"gelu_pytorch_tanh","max_position_embeddings":4096,"norm_epsilon":1e-5,"rope_theta":10000.0,"sliding_window":null,
            "use_bias":true,"tie_word_embeddings":true
            """,
        ["phi3"] = """
            "vocab_size":32064,"hidden_size":3072,"intermediate_size":8192,"num_hidden_layers":32,"num_attention_heads":32,"num_key_value_heads":32,
            "hidden_act":"silu","max_position_embeddings":4096,"original_max_position_embeddings":4096,"rms_norm_eps":1e-5,
            "tie_word_embeddings":false,"rope_theta":10000.0,"partial_rotary_factor":1.0,"sliding_window":null
            """,
        ["modernbert"] = """
            "vocab_size":50368,"hidden_size":768,"intermediate_size":1152,"num_hidden_layers":22,"num_attention_heads":12,
            "hidden_activation":"gelu","max_position_embeddings":8192,"norm_eps":1e-5,"norm_bias":false,"attention_bias":false,
            "global_rope_theta":160000.0,"local_rope_theta":10000.0,"local_attention":128,"global_attn_every_n_layers":3,"layer_types":"FSS",
            "mlp_bias":false,"decoder_bias":true,"classifier_pooling":"cls","classifier_bias":false,"classifier_activation":"gelu",
            "tie_word_embeddings":true,"architectures":["ModernBertForMaskedLM"]
            """,
        ["albert"] = """
            "vocab_size":30000,"embedding_size":128,"hidden_size":4096,"num_hidden_layers":12,"num_hidden_groups":1,"num_attention_heads":64,
            "intermediate_size":16384,"inner_group_num":1,"hidden_act":"gelu_new","max_position_embeddings":512,"type_vocab_size":2,
            "layer_norm_eps":1e-12,"tie_word_embeddings":true,"architectures":["AlbertForMaskedLM"]
            """,
        ["deberta-v2"] = """
            "vocab_size":128100,"hidden_size":1536,"num_hidden_layers":24,"num_attention_heads":24,"intermediate_size":6144,"hidden_act":"gelu",
            "max_position_embeddings":512,"type_vocab_size":0,"layer_norm_eps":1e-7,"relative_attention":true,"max_relative_positions":-1,
            "position_biased_input":true,"pooler_hidden_act":"gelu","tie_word_embeddings":true,"architectures":["DebertaV2ForMaskedLM"]
            """,
        ["falcon"] = """
            "vocab_size":65024,"hidden_size":4544,"num_hidden_layers":32,"num_attention_heads":71,"layer_norm_epsilon":1e-5,"alibi":false,
            "new_decoder_architecture":false,"multi_query":true,"parallel_attn":true,"bias":false,"tie_word_embeddings":true
            """,
        ["opt"] = """
            "vocab_size":50272,"max_position_embeddings":2048,"num_hidden_layers":12,"num_attention_heads":12,"ffn_dim":3072,"hidden_size":768,
            "activation_function":"relu","do_layer_norm_before":true,"word_embed_proj_dim":768,"tie_word_embeddings":true
            """,
    };

    // Where the class has a default that no model is described by, or its own is refused.
    private static readonly HashSet<string> Needed = new(StringComparer.Ordinal)
    {
        "architectures", "deberta-v2: relative_attention",
    };

    public static TheoryData<string> Families => [.. Defaults.Keys];

    [Theory]
    [MemberData(nameof(Families))]
    public void Absent_keys_mean_what_the_class_says(string family)
    {
        var all = JsonNode.Parse($"{{{Defaults[family]}}}")!.AsObject();
        var depth = (int)all["num_hidden_layers"]!;
        var layers = family is "gemma3n_text" ? depth : Math.Min(8, depth);
        all["num_hidden_layers"] = layers;
        foreach (var key in new[] { "layer_types", "moe_layers", "no_rope_layers" })
            Spell(all, key, layers);
        Thin(all);
        all["model_type"] = family;
        var spelled = Described(all);
        string[] Kept(JsonObject config) => [.. config.Select(entry => entry.Key).Where(key => key is not "model_type")];
        var forgotten = Kept(all).Where(key => !Needed.Contains(key) && !Needed.Contains($"{family}: {key}")).Where(key =>
        {
            var value = all[key]?.DeepClone();
            all.Remove(key);
            var same = key == "num_hidden_layers"
                ? KnownFamilies.Describe(Reader(WithoutLists(all))).Layers.Count == depth
                : Mixed(key) || Described(all) == spelled;
            all[key] = value;
            return !same;
        }).ToArray();
        Assert.Equal("", string.Join(", ", forgotten));

        var bare = new JsonObject { ["model_type"] = family, ["num_hidden_layers"] = layers };
        foreach (var (key, value) in all.Where(entry =>
            Mixed(entry.Key) || Needed.Contains(entry.Key) || Needed.Contains($"{family}: {entry.Key}")))
            bare[key] = value?.DeepClone();
        Assert.Equal(spelled, Described(bare));
    }

    [Fact]
    public void Every_family_is_told_of_or_was_compared_otherwise() => Assert.Equal(
        [
            "bert", "bloom", "camembert", "codegen", "deepseek", "distilbert", "electra", "gemma3", "gemma3n", "gemma4", "gpt2", "gpt_neox",
            "gptj", "granitemoehybrid", "mistral3", "mpnet", "mpt", "phi", "qwen2_5_vl", "qwen2_5_vl_text", "qwen3_5", "qwen3_5_moe",
            "qwen3_vl", "qwen3_vl_text", "roberta", "xlm-roberta",
        ],
        KnownFamilies.ModelTypes.Except(Defaults.Keys));

    [Theory]
    [InlineData("mixtral", 8, 2)]
    [InlineData("phimoe", 16, 2)]
    [InlineData("qwen2_moe", 60, 4)]
    [InlineData("qwen3_moe", 128, 8)]
    [InlineData("olmoe", 64, 8)]
    [InlineData("ernie4_5_moe", 64, 6)]
    [InlineData("granitemoe", 8, 2)]
    [InlineData("glm4_moe", 128, 8)]
    [InlineData("gpt_oss", 128, 4)]
    [InlineData("lfm2_moe", 32, 4)]
    [InlineData("deepseek_v3", 256, 8)]
    [InlineData("glm4_moe_lite", 64, 4)]
    [InlineData("llama4_text", 16, 1)]
    [InlineData("minimax", 8, 2)]
    [InlineData("qwen3_next", 512, 10)]
    [InlineData("qwen3_5_moe_text", 256, 8)]
    public void Absent_numbers_of_experts_are_those_of_the_class(string family, int experts, int perToken)
    {
        var config = new JsonObject { ["model_type"] = family, ["num_hidden_layers"] = 4 };
        var mixture = KnownFamilies.Describe(Reader(config)).Layers.Select(layer => layer.FeedForward).OfType<MixtureSpec>().Last();
        Assert.Equal((experts, perToken), (mixture.Experts.Count, mixture.Routing.PerToken));
    }

    // Hundreds of experts in eight layers only take time; their number by default is compared without them, in four.
    private static void Thin(JsonObject config)
    {
        foreach (var key in new[] { "num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts" })
            if (config[key] is { } count && (int)count > 16)
                config[key] = 16;
    }

    private static bool Mixed(string key) => key is "num_experts" or "num_local_experts" or "n_routed_experts" or "moe_num_experts";

    private static void Spell(JsonObject config, string key, int layers)
    {
        if (config[key] is JsonValue value && value.TryGetValue<string>(out var pattern))
        {
            pattern = pattern.Trim();
            config[key] = new JsonArray([.. Enumerable.Range(0, layers).Select(layer => (JsonNode)(pattern[layer % pattern.Length] switch
            {
                'S' => "sliding_attention",
                'L' => "linear_attention",
                'C' => "chunked_attention",
                _ => "full_attention",
            }))]);
        }
        else if (config[key] is JsonArray list)
        {
            config[key] = new JsonArray([.. Enumerable.Range(0, layers)
                .Select(layer => (JsonNode)(key == "moe_layers" ? layer : (int)list[layer % list.Count]!))]);
        }
    }

    private static JsonObject WithoutLists(JsonObject config) => new(config
        .Where(entry => entry.Key is not ("layer_types" or "moe_layers" or "no_rope_layers"))
        .Select(entry => KeyValuePair.Create(entry.Key, entry.Value?.DeepClone())));

    private static ConfigReader Reader(JsonObject config) =>
        ConfigReader.Parse(System.Text.Encoding.UTF8.GetBytes(config.ToJsonString()), "config.json");

    private static string Described(JsonObject config) => SpecText.Of(KnownFamilies.Describe(Reader(config)));
}
