"""
Merges the models of example-project with PyTorch, in double precision, and compares the built outputs with that.

usage: dotnet build example-project && python3 tests/PyTorch/compare_example.py

Needs torch and nothing else: safetensors files are read here. Exits with 1 if any element is more than one rounding to bf16 away.
"""

import json
import pathlib
import sys

import torch

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "example-project"
BUILT = EXAMPLE / "bin" / "Debug" / "models"
LAYERS = 5


def load(folder):
    data = (folder / "model.safetensors").read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    tensors = {}
    for name, entry in json.loads(data[8:start]).items():
        if name == "__metadata__":
            continue
        assert entry["dtype"] == "BF16", f"{name} is {entry['dtype']}"
        first, last = entry["data_offsets"]
        elements = torch.frombuffer(bytearray(data[start + first:start + last]), dtype=torch.bfloat16)
        tensors[name] = elements.reshape(entry["shape"]).double()
    return tensors


def ties(base, models, weights, density):
    deltas = []
    for model, weight in zip(models, weights):
        delta = (model - base).flatten()
        # Stable, so that of equal magnitudes the first are kept.
        order = torch.sort(delta.abs(), descending=True, stable=True).indices
        kept = torch.zeros_like(delta)
        chosen = order[:int(density * delta.numel())]
        kept[chosen] = delta[chosen]
        deltas.append(kept.reshape(base.shape))
    # Elected in fp32: 0.6 · 2 and 0.4 · 3 steps of bf16 are equal there and differ in double precision.
    positive = sum(delta.float() * torch.tensor(weight) for weight, delta in zip(weights, deltas)) >= 0
    agree = [torch.where(positive, delta > 0, delta < 0) for delta in deltas]
    divisor = sum(weight * mask for weight, mask in zip(weights, agree))
    total = sum(weight * delta * mask for weight, delta, mask in zip(weights, deltas, agree))
    return base + total / torch.where(divisor == 0, torch.ones_like(divisor), divisor)


def slerp(first, second, t):
    cosine = (first * second).sum() / (first.norm() * second.norm())
    if cosine.abs() > 0.9995:
        return (1 - t) * first + t * second
    angle = torch.acos(cosine)
    return (torch.sin((1 - t) * angle) * first + torch.sin(t * angle) * second) / torch.sin(angle)


def position(name):
    if name.startswith("model.layers."):
        return int(name.split(".")[2]) / (LAYERS - 1)
    return 0.0


def compare(merge, expected):
    actual = load(BUILT / merge)
    assert actual.keys() == expected.keys(), f"{merge}: other tensors"
    elements = beyond = differing = 0
    for name, exact in expected.items():
        # Half a step of bf16 where the exact value lies, and what fp32 arithmetic may add.
        step = 2.0 ** (torch.floor(torch.log2(exact.abs().clamp(min=1e-30))) - 7)
        error = (actual[name] - exact).abs()
        elements += exact.numel()
        beyond += int((error > step / 2 + 1e-7 * exact.abs() + 1e-8).sum())
        differing += int((actual[name] != exact.to(torch.bfloat16).double()).sum())
    print(f"{merge}: {elements} elements, {beyond} more than one rounding away, {differing} rounded the other way from a tie or near one")
    return beyond == 0


def main():
    base, code, manual, math = (load(EXAMPLE / "models" / name) for name in ("base", "code", "manual", "math"))
    assistant = {name: ties(base[name], [code[name], manual[name]], [0.6, 0.4], 0.5) for name in base}
    average = {}
    for name in base:
        weight = 0.5 + position(name)
        average[name] = (code[name] + manual[name] + weight * math[name]) / (2 + weight)
    built = load(BUILT / "assistant")
    calculator = {name: slerp(built[name], math[name], 0.5) for name in base}
    results = [compare("assistant", assistant), compare("average", average), compare("calculator", calculator)]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
