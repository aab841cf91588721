"""Reading and writing safetensors by hand, for the two PyTorch ways of averaging checkpoints."""

import json
import mmap
import os
import struct

import numpy
import torch


class Checkpoint:
    """A safetensors file, mapped; bf16 tensors only."""

    def __init__(self, path):
        file = open(path, "rb")
        (length,) = struct.unpack("<Q", file.read(8))
        self.header = file.read(length)
        self.tensors = {name: entry for name, entry in json.loads(self.header).items() if name != "__metadata__"}
        self.start = 8 + length
        self.bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)

    def __getitem__(self, name):
        entry = self.tensors[name]
        begin, end = entry["data_offsets"]
        return torch.frombuffer(self.bytes, dtype=torch.bfloat16, count=(end - begin) // 2, offset=self.start + begin).view(entry["shape"])


class Output:
    """A file with the header of another one, filled in the order of its data."""

    def __init__(self, path, like):
        self.file = open(path, "wb")
        self.file.write(struct.pack("<Q", len(like.header)) + like.header)
        self.names = sorted(like.tensors, key=lambda name: like.tensors[name]["data_offsets"][0])

    def write(self, tensor):
        tensor.contiguous().view(torch.int16).numpy().tofile(self.file)

    def close(self):
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()
