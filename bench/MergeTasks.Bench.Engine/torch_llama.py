"""The benchmark's Llama in plain eager PyTorch, driven over standard input by TorchCompetitor.cs.

    python3 torch_llama.py FOLDER THREADS IDS       (FOLDER: config.json and an fp32 model.safetensors; IDS: file of token ids)

Each line "forward" or "backward" runs that once and is answered by "seconds processor-seconds loss".
"""
import json
import struct
import sys
import time

import numpy
import torch
from torch import nn
from torch.nn import functional


def read_weights(path):
    data = numpy.memmap(path, dtype=numpy.uint8, mode="r")
    length = struct.unpack("<Q", data[:8].tobytes())[0]
    header = json.loads(data[8 : 8 + length].tobytes())
    for name, entry in header.items():
        first, end = (8 + length + offset for offset in entry["data_offsets"])
        values = numpy.frombuffer(data[first:end].tobytes(), dtype=numpy.float32)
        yield name, torch.from_numpy(values.reshape(entry["shape"]).copy())


class RmsNorm(nn.Module):
    def __init__(self, width, epsilon):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x):
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.epsilon))


class Attention(nn.Module):
    def __init__(self, hidden, heads):
        super().__init__()
        self.heads, self.size = heads, hidden // heads
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            setattr(self, name, nn.Linear(hidden, hidden, bias=False))

    def forward(self, x, cosine, sine, mask):
        def split(y):
            return y.view(*y.shape[:2], self.heads, self.size).transpose(1, 2)

        def rotate(y):
            first, second = y.chunk(2, dim=-1)
            return y * cosine + torch.cat((-second, first), dim=-1) * sine

        query, key, value = rotate(split(self.q_proj(x))), rotate(split(self.k_proj(x))), split(self.v_proj(x))
        scores = torch.matmul(query, key.transpose(2, 3)) * self.size**-0.5 + mask
        result = torch.matmul(functional.softmax(scores, dim=-1), value)
        return self.o_proj(result.transpose(1, 2).reshape(x.shape))


class Mlp(nn.Module):
    def __init__(self, hidden, inner):
        super().__init__()
        self.gate_proj = nn.Linear(hidden, inner, bias=False)
        self.up_proj = nn.Linear(hidden, inner, bias=False)
        self.down_proj = nn.Linear(inner, hidden, bias=False)

    def forward(self, x):
        return self.down_proj(functional.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, hidden, inner, heads, epsilon):
        super().__init__()
        self.input_layernorm = RmsNorm(hidden, epsilon)
        self.self_attn = Attention(hidden, heads)
        self.post_attention_layernorm = RmsNorm(hidden, epsilon)
        self.mlp = Mlp(hidden, inner)

    def forward(self, x, cosine, sine, mask):
        x = x + self.self_attn(self.input_layernorm(x), cosine, sine, mask)
        return x + self.mlp(self.post_attention_layernorm(x))


class Llama(nn.Module):
    def __init__(self, config):
        super().__init__()
        hidden, epsilon = config["hidden_size"], config["rms_norm_eps"]
        self.size = hidden // config["num_attention_heads"]
        self.model = nn.Module()
        self.model.embed_tokens = nn.Embedding(config["vocab_size"], hidden)
        self.model.layers = nn.ModuleList(
            Layer(hidden, config["intermediate_size"], config["num_attention_heads"], epsilon) for _ in range(config["num_hidden_layers"])
        )
        self.model.norm = RmsNorm(hidden, epsilon)
        self.lm_head = nn.Linear(hidden, config["vocab_size"], bias=False)

    def forward(self, ids):
        length = ids.shape[1]
        frequencies = 10000.0 ** (-torch.arange(0, self.size, 2).float() / self.size)
        angles = torch.outer(torch.arange(length).float(), frequencies)
        angles = torch.cat((angles, angles), dim=-1)
        mask = torch.full((length, length), torch.finfo(torch.float32).min).triu(1)
        x = self.model.embed_tokens(ids)
        for layer in self.model.layers:
            x = layer(x, angles.cos(), angles.sin(), mask)
        logits = self.lm_head(self.model.norm(x))
        return functional.cross_entropy(logits[0, :-1], ids[0, 1:])


def main():
    folder, threads, ids = sys.argv[1], int(sys.argv[2]), torch.tensor([[int(i) for i in open(sys.argv[3]).read().split()]])
    torch.set_num_threads(threads)
    with open(f"{folder}/config.json") as file:
        model = Llama(json.load(file))
    model.load_state_dict(dict(read_weights(f"{folder}/model.safetensors")))
    print(f"PyTorch {torch.__version__}", flush=True)
    for line in sys.stdin:
        start, processor = time.perf_counter(), time.process_time()
        if line.strip() == "forward":
            with torch.no_grad():
                loss = model(ids)
        else:
            model.zero_grad(set_to_none=True)
            loss = model(ids)
            loss.backward()
        print(time.perf_counter() - start, time.process_time() - processor, loss.item(), flush=True)


main()
