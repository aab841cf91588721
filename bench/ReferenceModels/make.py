"""Makes reference data for the engine's tests: tiny random models and what Hugging Face transformers computes with them.

    pip install torch transformers safetensors
    python3 make.py FOLDER [NAME ...]

writes FOLDER/NAME/{config.json, model.safetensors, golden.safetensors} for each of variants.py, in the format that
tests/MergeTasks.Transformers.Tests/Data/golden/README.md describes.
"""
import os
import sys
import zlib

import torch
import transformers
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

from variants import VARIANTS

LENGTH = 13
PADDING = 4
MASKED = [(0, 2), (0, 5), (0, 11), (1, 1), (1, 7)]


def fill(model, unit_offset):
    """Random weights at which every part of a model matters: attention far from uniform, norms and biases far from neutral."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(True)  # DistilBERT freezes its sinusoids
        is_norm = "norm" in name.lower() or "ln_" in name
        attends = any(part in name for part in ("q_proj", "k_proj", "qkv", "query", "key", "c_attn", "q_lin", "k_lin"))
        nn.init.normal_(parameter, 0, 0.3 if parameter.dim() > 1 and not attends else 0.2)
        if is_norm and name.endswith("weight") and not unit_offset:
            parameter.data += 1


def make_inputs(model, kind):
    ids = torch.randint(4, model.config.vocab_size, (2, LENGTH))
    if kind == "lm":
        return {"input_ids": ids}
    mask = torch.ones_like(ids)
    mask[1, -PADDING:] = 0
    ids[mask == 0] = model.config.pad_token_id
    labels = torch.tensor([1, 0])
    if kind == "mlm":
        labels = torch.full_like(ids, -100)
        for at in MASKED:
            labels[at] = torch.randint(4, model.config.vocab_size, ())
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def make_loss(logits, inputs, kind):
    if kind == "lm":
        return functional.cross_entropy(logits[:, :-1].reshape(-1, logits.shape[-1]), inputs["input_ids"][:, 1:].reshape(-1))
    return functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), inputs["labels"].reshape(-1))


def record_inputs(model):
    """Every weighted module's inputs, except those of embeddings."""
    seen = {}
    for name, module in model.named_modules():
        if isinstance(getattr(module, "weight", None), torch.Tensor) and not isinstance(module, nn.Embedding):
            module.register_forward_pre_hook(lambda _, x, name=name: seen.setdefault(name, []).append(x[0].detach().clone()))
    return seen


def statistics(seen, mask):
    result = {}
    for name, inputs in seen.items():
        rows = torch.cat([x.reshape(-1, x.shape[-1]) for x in inputs]).double()
        result |= {f"act.{name}": rows.abs().mean(0).float(), f"act2.{name}": rows.square().mean(0).float()}
        if mask is not None:
            rows = rows[mask.reshape(-1) == 1] if len(rows) == mask.numel() else rows
            result |= {f"actm.{name}": rows.abs().mean(0).float(), f"act2m.{name}": rows.square().mean(0).float()}
    return result


def as_saved(model, tensors):
    """The tensors under the names that files have, which since version 5 differ from those in memory."""
    try:
        from transformers.core_model_loading import revert_weight_conversion
    except ImportError:
        return tensors
    return revert_weight_conversion(model, tensors)


def make(folder, name):
    class_name, settings = VARIANTS[name]
    torch.manual_seed(zlib.crc32(name.encode()))
    model_class = getattr(transformers, class_name)
    model = model_class._from_config(model_class.config_class(**settings), attn_implementation="eager").eval()
    model.config.use_cache = False
    kind = {"MaskedLM": "mlm", "Classification": "cls"}.get(class_name.split("For")[-1].replace("Sequence", ""), "lm")
    fill(model, unit_offset=name.startswith("gemma"))
    inputs = make_inputs(model, kind)
    seen = record_inputs(model)
    logits = model(**{key: value for key, value in inputs.items() if key != "labels"}).logits
    loss = make_loss(logits, inputs, kind)
    loss.backward()
    parameters = dict(model.named_parameters())
    gradients = {key: torch.zeros_like(value) if value.grad is None else value.grad for key, value in parameters.items()
                 if not key.endswith("e_score_correction_bias")}  # it chooses experts, and has no gradient
    parameters, gradients = as_saved(model, parameters), as_saved(model, gradients)
    golden = inputs | {"logits": logits.detach(), "loss": loss.detach()} | statistics(seen, inputs.get("attention_mask"))
    golden |= {f"grad.{key}": value for key, value in gradients.items()}
    target = os.path.join(folder, name)
    os.makedirs(target, exist_ok=True)
    model.config.architectures = [class_name]
    model.config.save_pretrained(target)
    save_file({key: value.detach().contiguous() for key, value in parameters.items()}, f"{target}/model.safetensors", {"format": "pt"})
    save_file({key: value.contiguous() for key, value in golden.items()}, f"{target}/golden.safetensors", {"format": "pt"})
    print(f"{name}: loss {loss.item():.4f}")


if __name__ == "__main__":
    for name in sys.argv[2:] or VARIANTS:
        make(sys.argv[1], name)
