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
from torch import Tensor, nn

from . import safetensors_file

HE_GAIN = math.sqrt(2.0)


class Conv(nn.Conv2d):
    """A convolution that rounds its operands and gradients to bfloat16 when `bf16` is set.

    As the engine's (graph_use_bf16): all else, and the weights that are trained, stay fp32.
    """

    bf16 = False

    def forward(self, x: Tensor) -> Tensor:
        if not self.bf16:
            return super().forward(x)
        with torch.autocast(x.device.type, dtype=torch.bfloat16):
            out = self._conv_forward(x, self.weight, None).float()
        return out if self.bias is None else out + self.bias[:, None, None]


def use_bf16(module: nn.Module, on: bool) -> None:
    """Sets `bf16` of every convolution.  ValueError where the device has no such products."""
    device = next(module.parameters()).device
    if on and device.type == "cuda" and not torch.cuda.is_bf16_supported():
        raise ValueError("train.bf16: this GPU has no bfloat16 (compute capability 8.0 has)")
    if on and device.type not in ("cuda", "cpu"):
        raise ValueError(f"train.bf16: not offered on {device.type}")
    for layer in module.modules():
        if isinstance(layer, Conv):
            layer.bf16 = on


def conv(inputs: int, outputs: int, kernel: int, gain: float = HE_GAIN, bias: bool = True,
         stride: int = 1) -> Conv:
    """[N, inputs, H, W] -> [N, outputs, H/stride, W/stride]; weights ~ N(0, gain^2 / fan_in)."""
    layer = Conv(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=bias)
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


def warm_start(module: nn.Module, path: str) -> None:
    """Sets the tensors that the file has too; either may hold more.  FormatError: other shapes."""
    tensors, _ = safetensors_file.read(path)
    both = {name: value for name, value in tensors_of(module).items() if name in tensors}
    for name, value in both.items():
        if tuple(value.shape) != tensors[name].shape:
            raise safetensors_file.FormatError(
                f"{path}: tensor {name} has another shape than the network's")
    with torch.no_grad():
        for name, value in both.items():
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
