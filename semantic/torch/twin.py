# SPDX-License-Identifier: GPL-3.0-or-later
"""twin: what the twins share: layers that start as the engine's do, and their files.

A twin's parameters and buffers have the names and shapes of the engine's tensors, so a state
dict is a weights file.  PyTorch's `num_batches_tracked` is the exception: it is neither written
nor expected.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn

from . import safetensors_file

HE_GAIN = math.sqrt(2.0)


def conv(inputs: int, outputs: int, kernel: int, gain: float = HE_GAIN, bias: bool = True,
         stride: int = 1) -> nn.Conv2d:
    """[N, inputs, H, W] -> [N, outputs, H/stride, W/stride]; weights ~ N(0, gain^2 / fan_in)."""
    layer = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=bias)
    nn.init.normal_(layer.weight, std=gain / math.sqrt(inputs * kernel * kernel))
    if bias:
        nn.init.zeros_(layer.bias)
    return layer


def linear(inputs: int, outputs: int, gain: float = HE_GAIN) -> nn.Linear:
    """[N, inputs] -> [N, outputs]; gain 0: starts as nothing."""
    layer = nn.Linear(inputs, outputs)
    nn.init.normal_(layer.weight, std=gain / math.sqrt(inputs))
    nn.init.zeros_(layer.bias)
    return layer


def tensors_of(module: nn.Module) -> dict[str, torch.Tensor]:
    """Parameters and buffers by the engine's names; the tensors themselves, not copies."""
    named = module.state_dict(keep_vars=True)
    return {name: value for name, value in named.items()
            if not name.endswith("num_batches_tracked")}


def to_numpy(tensor: torch.Tensor) -> np.ndarray:
    """An fp32 copy in the processor's memory, channels first whatever the memory format."""
    return tensor.detach().to("cpu", torch.float32).contiguous().numpy()


def assign(module: nn.Module, tensors: dict[str, np.ndarray], where: str) -> None:
    """Sets every tensor of the module.  FormatError when one is missing, too many, or misshaped."""
    own = tensors_of(module)
    given = {name for name in tensors if not name.endswith("num_batches_tracked")}
    for name in sorted(given ^ own.keys()):
        what = "is missing" if name in own else "is unknown to the network"
        raise safetensors_file.FormatError(f"{where}: tensor {name} {what}")
    for name, value in own.items():
        if tuple(value.shape) != tensors[name].shape:
            raise safetensors_file.FormatError(
                f"{where}: tensor {name} has another shape than the network's")
    with torch.no_grad():
        for name, value in own.items():
            value.copy_(torch.from_numpy(tensors[name]))


def save(module: nn.Module, path: str, notes: dict[str, str]) -> None:
    """Writes a weights file; `notes` must say the network's shape (module.shape.notes())."""
    safetensors_file.write(path, {n: to_numpy(t) for n, t in tensors_of(module).items()}, notes)


def note_number(notes: dict[str, str], key: str, low: float, high: float) -> float:
    """A number of the metadata, within low .. high."""
    text = notes.get(key)
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        shown = "missing" if text is None else f'"{text}"'
        raise ValueError(f'metadata "{key}" is {shown}, not a number of {low:g} .. {high:g}')
    return value
