"""
Averages checkpoints with PyTorch and prints the seconds it took.

usage: linear.py careful|stacked THREADS OUTPUT INPUT...

careful: tensor by tensor, each input added in place to one fp32 accumulator.
stacked: tensor by tensor, all inputs upcast whole, stacked, multiplied by their weights, summed.
"""

import sys
import time

import torch

from checkpoint import Checkpoint, Output


def careful(tensors, weight):
    total = tensors[0].float().mul_(weight)
    for tensor in tensors[1:]:
        total.add_(tensor.float(), alpha=weight)
    return total.to(torch.bfloat16)


def stacked(tensors, weight):
    stack = torch.stack([tensor.float() for tensor in tensors], dim=0)
    weights = torch.full([len(tensors)] + [1] * (stack.dim() - 1), weight)
    return (weights * stack).sum(dim=0).to(torch.bfloat16)


def main(way, threads, output, *inputs):
    torch.set_num_threads(int(threads))
    merge = {"careful": careful, "stacked": stacked}[way]
    start = time.perf_counter()
    models = [Checkpoint(path) for path in inputs]
    target = Output(output, models[0])
    for name in target.names:
        target.write(merge([model[name] for model in models], 1 / len(models)))
    target.close()
    print(time.perf_counter() - start)


if __name__ == "__main__":
    with torch.no_grad():
        main(*sys.argv[1:])
