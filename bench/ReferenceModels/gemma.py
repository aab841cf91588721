"""Makes test data for settings of Gemma 3n and Gemma 4 that tiny published models do not have: a second implementation of both in
PyTorch, in double precision, differentiated by it. It needs nothing but PyTorch.

    python3 gemma.py FOLDER

writes FOLDER/NAME/{config.json, model.safetensors, golden.safetensors}, as make.py does.
"""
import json
import math
import os
import struct
import sys

import torch
from torch.nn import functional as F

LENGTH = 14
ROPE = {"sliding_attention": {"rope_type": "default", "rope_theta": 100.0},
        "full_attention": {"rope_type": "linear", "factor": 2.0, "rope_theta": 2000.0}}
BASE = dict(vocab_size=48, vocab_size_per_layer_input=48, hidden_size=32, num_attention_heads=4, num_key_value_heads=2, head_dim=8,
            num_hidden_layers=3, max_position_embeddings=64, sliding_window=5, rms_norm_eps=1e-6, tie_word_embeddings=True,
            layer_types=["sliding_attention", "full_attention", "full_attention"], final_logit_softcapping=9.0, attention_bias=False,
            hidden_activation="gelu_pytorch_tanh")
MODELS = {
    # 26B: experts, no vectors, values that are keys, fewer and larger heads without a window.
    "gemma4_text-experts": dict(
        BASE, model_type="gemma4_text", architectures=["Gemma4ForCausalLM"], intermediate_size=24, hidden_size_per_layer_input=0,
        num_kv_shared_layers=0, attention_k_eq_v=True, num_global_key_value_heads=1, global_head_dim=12, enable_moe_block=True,
        num_experts=5, top_k_experts=2, moe_intermediate_size=10, use_double_wide_mlp=False,
        rope_parameters={"sliding_attention": {"rope_type": "default", "rope_theta": 100.0},
                         "full_attention": {"rope_type": "proportional", "partial_rotary_factor": 0.5, "rope_theta": 1000.0}}),
    # E2B: vectors, shared keys and values, wider layers that share.
    "gemma4_text-wide": dict(
        BASE, model_type="gemma4_text", architectures=["Gemma4ForCausalLM"], intermediate_size=12, hidden_size_per_layer_input=6,
        num_kv_shared_layers=1, attention_k_eq_v=False, global_head_dim=12, enable_moe_block=False, use_double_wide_mlp=True,
        rope_parameters={"sliding_attention": {"rope_type": "default", "rope_theta": 100.0},
                         "full_attention": {"rope_type": "proportional", "partial_rotary_factor": 0.25, "rope_theta": 1000.0,
                                            "factor": 2.0}}),
    # Three streams of which the second is active, clamped corrections, other sparsities, unequal widths.
    "gemma3n_text-streams": dict(
        BASE, model_type="gemma3n_text", architectures=["Gemma3nForCausalLM"], intermediate_size=[12, 20, 16],
        hidden_size_per_layer_input=6, num_kv_shared_layers=1, altup_num_inputs=3, altup_active_idx=1, altup_coef_clip=0.1,
        altup_correct_scale=False, laurel_rank=4, activation_sparsity_pattern=[0.7, 0.0, 0.3], rope_parameters=ROPE),
}


class Model:
    """Parameters by name, made when first asked for, and what each module saw."""

    def __init__(self, config):
        self.c = config
        self.parameters, self.constants, self.seen = {}, {}, {}

    def get(self, name, *shape):
        if name not in self.parameters:
            is_norm = "norm" in name or name.endswith("scale")
            value = torch.randn(*shape, dtype=torch.float64) * (0.3 if len(shape) == 1 else 0.25)
            value = (value + (1 if is_norm else 0)).float().double()
            self.parameters[name] = value.requires_grad_(True)
        return self.parameters[name]

    def see(self, module, x):
        self.seen.setdefault(module, []).append(x.detach().reshape(-1, x.shape[-1]))

    def linear(self, module, x, out):
        self.see(module, x)
        return x @ self.get(module + ".weight", out, x.shape[-1]).t()

    def norm(self, module, x, weighted=True):
        y = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.c["rms_norm_eps"])
        if not weighted:
            return y
        self.see(module, x)
        return y * self.get(module + ".weight", x.shape[-1])


def act(x):
    return F.gelu(x, approximate="tanh")


def frequencies(settings, size):
    plain = settings["rope_theta"] ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
    if settings["rope_type"] == "proportional":
        plain[int(settings.get("partial_rotary_factor", 1.0) * size // 2):] = 0
    return plain / settings.get("factor", 1.0)


def rotate(x, angles):
    half = x.shape[-1] // 2
    low, high = x[..., :half], x[..., half:]
    return torch.cat([low * angles.cos() - high * angles.sin(), high * angles.cos() + low * angles.sin()], -1)


def attention(m, at, x, layer, shared):
    c, kind = m.c, m.c["layer_types"][layer]
    is_full, is_four = kind == "full_attention", m.c["model_type"] == "gemma4_text"
    size = c["global_head_dim"] if is_full and is_four else c["head_dim"]
    heads = c["num_attention_heads"]
    same = is_four and is_full and c["attention_k_eq_v"]
    groups = c["num_global_key_value_heads"] if same else c["num_key_value_heads"]
    angles = torch.arange(LENGTH, dtype=torch.float64)[:, None, None] * frequencies(c["rope_parameters"][kind], size)
    split = lambda rows, count: rows.reshape(2, LENGTH, count, size)
    query = rotate(m.norm(at + ".q_norm", split(m.linear(at + ".q_proj", x, heads * size), heads)), angles)
    if layer >= c["num_hidden_layers"] - c["num_kv_shared_layers"]:
        key, value = shared[kind]
    else:
        raw = split(m.linear(at + ".k_proj", x, groups * size), groups)
        value = raw if same else split(m.linear(at + ".v_proj", x, groups * size), groups)
        key, value = rotate(m.norm(at + ".k_norm", raw), angles), m.norm(None, value, weighted=False)
        shared[kind] = key, value
    key, value = (part.repeat_interleave(heads // part.shape[2], 2) for part in (key, value))
    scores = torch.einsum("bqhd,bkhd->bhqk", query, key)
    distance = torch.arange(LENGTH)[:, None] - torch.arange(LENGTH)[None]
    hidden = (distance < 0) | (distance >= (LENGTH if is_full else c["sliding_window"]))
    weights = scores.masked_fill(hidden, -math.inf).softmax(-1)
    result = torch.einsum("bhqk,bkhd->bqhd", weights, value).reshape(2, LENGTH, heads * size)
    return m.linear(at + ".o_proj", result, c["hidden_size"])


def mlp(m, at, x, inner, sparsity=0.0):
    gate = m.linear(at + ".gate_proj", x, inner)
    if sparsity > 0:
        deviations = torch.distributions.Normal(0, 1).icdf(torch.tensor(sparsity)).double()
        gate = F.relu(gate - gate.mean(-1, keepdim=True) - deviations * gate.std(-1, unbiased=False, keepdim=True))
    return m.linear(at + ".down_proj", act(gate) * m.linear(at + ".up_proj", x, inner), x.shape[-1])


def experts(m, at, x):
    c, hidden = m.c, m.c["hidden_size"]
    count, inner = c["num_experts"], c["moe_intermediate_size"]
    seen = m.norm(None, x, weighted=False) * m.get(at + ".router.scale", hidden) * hidden ** -0.5
    scores = m.linear(at + ".router.proj", seen, count).softmax(-1)
    best, chosen = scores.topk(c["top_k_experts"], -1)
    scales = m.get(at + ".router.per_expert_scale", count)
    weights = torch.zeros_like(scores).scatter(-1, chosen, best / best.sum(-1, keepdim=True)) * scales
    rows = m.norm(at + ".pre_feedforward_layernorm_2", x)
    up = m.get(at + ".experts.gate_up_proj", count, 2 * inner, hidden)
    down = m.get(at + ".experts.down_proj", count, hidden, inner)
    y = torch.zeros_like(x)
    for expert in range(count):
        both = rows @ up[expert].t()
        h = act(both[..., :inner]) * both[..., inner:]
        is_chosen = (chosen == expert).any(-1)
        m.see(f"{at}.experts.gate_up_proj.{expert}", rows[is_chosen])
        m.see(f"{at}.experts.down_proj.{expert}", h[is_chosen])
        y = y + weights[..., expert:expert + 1] * (h @ down[expert].t())
    return y


def layer_input(m, at, x, vector):
    gated = act(m.linear(at + ".per_layer_input_gate", x, vector.shape[-1])) * vector
    return m.norm(at + ".post_per_layer_input_norm", m.linear(at + ".per_layer_projection", gated, x.shape[-1]))


def layer_four(m, at, x, layer, shared, vectors):
    c = m.c
    x = x + m.norm(at + ".post_attention_layernorm", attention(m, at + ".self_attn", m.norm(at + ".input_layernorm", x), layer, shared))
    is_shared = layer >= c["num_hidden_layers"] - c["num_kv_shared_layers"]
    inner = c["intermediate_size"] * (2 if c["use_double_wide_mlp"] and is_shared else 1)
    y = mlp(m, at + ".mlp", m.norm(at + ".pre_feedforward_layernorm", x), inner)
    if c["enable_moe_block"]:
        y = m.norm(at + ".post_feedforward_layernorm_1", y) + m.norm(at + ".post_feedforward_layernorm_2", experts(m, at, x))
    x = x + m.norm(at + ".post_feedforward_layernorm", y)
    if vectors is not None:
        x = x + layer_input(m, at, x, vectors[:, :, layer])
    m.constants[at + ".layer_scalar"] = torch.tensor([0.7 + 0.1 * layer])
    return x * m.constants[at + ".layer_scalar"].double()


def factors(m, at, matrix, x, out):
    routed = m.linear(at + ".modality_router", m.norm(at + ".router_norm", x) / m.c["hidden_size"], m.c["altup_num_inputs"]).tanh()
    clip = m.c["altup_coef_clip"] if matrix == "correction_coefs" else None
    if clip is None:
        return m.linear(f"{at}.{matrix}", routed, out)
    m.see(f"{at}.{matrix}", routed)
    weight = m.get(f"{at}.{matrix}.weight", out, routed.shape[-1])
    clamped = weight + (weight.clamp(-clip, clip) - weight).detach()
    return routed @ clamped.t()


def layer_three(m, at, streams, layer, shared, vectors):
    c = m.c
    count, active = c["altup_num_inputs"], c["altup_active_idx"]
    p = factors(m, at + ".altup", "prediction_coefs", streams[active], count * count).reshape(2, LENGTH, count, count)
    predicted = [streams[j] + sum(p[:, :, j, i:i + 1] * streams[i] for i in range(count)) for j in range(count)]
    x = m.norm(at + ".input_layernorm", predicted[active])
    low = m.linear(at + ".laurel.linear_left", x, c["laurel_rank"])
    laurel = x + m.norm(at + ".laurel.post_laurel_norm", m.linear(at + ".laurel.linear_right", low, c["hidden_size"]))
    attended = m.norm(at + ".post_attention_layernorm", attention(m, at + ".self_attn", x, layer, shared))
    y = (predicted[active] + attended + laurel) / math.sqrt(2)
    inner, sparsity = c["intermediate_size"][layer], c["activation_sparsity_pattern"][layer]
    y = y + m.norm(at + ".post_feedforward_layernorm", mlp(m, at + ".mlp", m.norm(at + ".pre_feedforward_layernorm", y), inner, sparsity))
    k = factors(m, at + ".altup", "correction_coefs", y, count) + 1
    corrected = [predicted[j] + k[..., j:j + 1] * (y - predicted[active]) for j in range(count)]
    first = corrected[active]
    if c["altup_correct_scale"]:
        first = first * m.get(at + ".altup.correct_output_scale", c["hidden_size"])
    added = layer_input(m, at, first, vectors[:, :, layer])
    return [corrected[0]] + [stream + added for stream in corrected[1:]]


def matched(y, like):
    return y * like.pow(2).mean(-1, keepdim=True).sqrt() / y.pow(2).mean(-1, keepdim=True).clamp(min=1e-5).sqrt()


def forward(m, ids):
    c, hidden, layers = m.c, m.c["hidden_size"], m.c["num_hidden_layers"]
    table = m.get("model.embed_tokens.weight", c["vocab_size"], hidden)
    x = table[ids] * math.sqrt(hidden)
    width, vectors, shared = c["hidden_size_per_layer_input"], None, {}
    if width:
        rows = m.get("model.embed_tokens_per_layer.weight", c["vocab_size_per_layer_input"], layers * width)[ids] * math.sqrt(width)
        projected = m.linear("model.per_layer_model_projection", x, layers * width) * hidden ** -0.5
        vectors = m.norm("model.per_layer_projection_norm", projected.reshape(2, LENGTH, layers, width))
        vectors = (vectors + rows.reshape(2, LENGTH, layers, width)) * 2 ** -0.5
    if c["model_type"] == "gemma4_text":
        for layer in range(layers):
            x = layer_four(m, f"model.layers.{layer}", x, layer, shared, vectors)
    else:
        others = range(c["altup_num_inputs"] - 1)
        streams = [x] + [matched(m.linear(f"model.altup_projections.{i}", x, hidden), x) for i in others]
        for layer in range(layers):
            streams = layer_three(m, f"model.layers.{layer}", streams, layer, shared, vectors)
        mapped = [matched(m.linear(f"model.altup_unembed_projections.{i}", streams[i + 1], hidden), streams[0]) for i in others]
        x = sum(mapped, streams[0]) / c["altup_num_inputs"]
    x = m.norm("model.norm", x)
    m.see("lm_head", x)
    cap = c["final_logit_softcapping"]
    return torch.tanh(x @ table.t() / cap) * cap


def save(path, tensors):
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name, value in sorted(tensors.items()):
        size = value.numel() * value.element_size()
        kind = "I64" if value.dtype == torch.int64 else "F32"
        header[name] = {"dtype": kind, "shape": list(value.shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, value in sorted(tensors.items()):
            file.write(value.contiguous().numpy().tobytes())


def make(name, folder):
    torch.manual_seed(7)
    m = Model(MODELS[name])
    ids = torch.randint(3, m.c["vocab_size"], (2, LENGTH))
    logits = forward(m, ids)
    loss = F.cross_entropy(logits[:, :-1].reshape(-1, logits.shape[-1]), ids[:, 1:].reshape(-1))
    loss.backward()
    golden = {"input_ids": ids, "logits": logits.detach().float(), "loss": loss.detach().float().reshape(1)}
    golden.update({"grad." + key: value.grad.float() for key, value in m.parameters.items()})
    for kind, measure in (("act.", torch.abs), ("act2.", torch.square)):
        means = {module: measure(torch.cat(rows)).mean(0).float() for module, rows in m.seen.items()}
        stacks = {module.rsplit(".", 1)[0] for module in means if ".experts." in module}
        for stack in stacks:
            places = range(m.c["num_experts"])
            golden[kind + stack] = torch.stack([means.pop(f"{stack}.{place}") for place in places])
        golden.update({kind + module: value for module, value in means.items()})
    os.makedirs(os.path.join(folder, name), exist_ok=True)
    with open(os.path.join(folder, name, "config.json"), "w") as file:
        json.dump(m.c, file, indent=2)
    save(os.path.join(folder, name, "model.safetensors"),
         {**{key: value.detach().float() for key, value in m.parameters.items()}, **m.constants})
    save(os.path.join(folder, name, "golden.safetensors"), golden)
    print(name, float(loss), float(logits.std()))


for each in MODELS:
    make(each, sys.argv[1])
