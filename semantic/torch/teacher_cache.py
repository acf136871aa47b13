# SPDX-License-Identifier: GPL-3.0-or-later
"""teacher_cache: what a teacher says about every picture of a data set, for semradio-train task.

    python3 -m semantic.torch.teacher_cache WEIGHTS DATASET OUT

from the repository's root.  WEIGHTS is a CIFAR ResNet (He and others, 2016, section 4.2; 6n + 2
layers, shortcuts that take every second pixel and pad channels with zeros) as safetensors, named
conv1, bn1, layer1.0.conv1 ... linear as in public PyTorch code.  DATASET in the words of
dataset.py.  OUT holds, as the C program's `teach` command writes it too,

    features [count][2][D]   before the last linear layer, of the picture and of its mirror image
    logits   [count][2][K]
    labels   [count]

and in its metadata the teacher's name, parameters, and accuracy on the set.
"""

from __future__ import annotations

import sys

import numpy as np
import torch
import torch.nn.functional as F

from . import safetensors_file
from .dataset import open_dataset

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
DEVIATION = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
BATCH = 250


class Teacher:
    """The network with its batch norms folded into the convolutions."""

    def __init__(self, path: str) -> None:
        tensors, self.notes = safetensors_file.read(path)
        self.tensors = {name: torch.from_numpy(v) for name, v in tensors.items()}
        missing = [n for n in ("conv1.weight", "linear.weight") if n not in self.tensors]
        if missing:
            raise ValueError(f"{path}: no tensor {missing[0]}: not a CIFAR ResNet")
        self.parameters = sum(v.size for n, v in tensors.items() if "running" not in n)
        self.folded = {n: self._fold(n) for n in self.tensors if "conv" in n}

    def _fold(self, name: str) -> tuple[torch.Tensor, torch.Tensor]:
        norm = name.replace("conv", "bn")[: -len("weight")]
        t = self.tensors
        gain = t[norm + "weight"] / torch.sqrt(t[norm + "running_var"] + 1e-5)
        weight = t[name] * gain.view(-1, 1, 1, 1)
        return weight.contiguous(memory_format=torch.channels_last), \
            t[norm + "bias"] - t[norm + "running_mean"] * gain

    def _conv(self, x: torch.Tensor, name: str, stride: int = 1) -> torch.Tensor:
        weight, bias = self.folded[name + ".weight"]
        return F.conv2d(x, weight, bias, stride=stride, padding=1)

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        """pixels in 0 .. 1, [n, 3, 32, 32] -> [n, D]."""
        x = ((pixels - MEAN) / DEVIATION).contiguous(memory_format=torch.channels_last)
        x = F.relu(self._conv(x, "conv1"))
        for stage in (1, 2, 3):
            block = 0
            while f"layer{stage}.{block}.conv1.weight" in self.tensors:
                name = f"layer{stage}.{block}"
                stride = 2 if stage > 1 and block == 0 else 1
                y = F.relu(self._conv(x, name + ".conv1", stride))
                y = self._conv(y, name + ".conv2")
                if y.shape != x.shape:
                    more = (y.shape[1] - x.shape[1]) // 2
                    x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, more, more))
                x = F.relu(x + y)
                block += 1
        return x.mean(dim=(2, 3))

    def logits(self, features: torch.Tensor) -> torch.Tensor:
        return F.linear(features, self.tensors["linear.weight"], self.tensors["linear.bias"])


def cache(weights: str, spec: str, out: str) -> str:
    teacher = Teacher(weights)
    pictures, labels = open_dataset(spec)
    features, logits = [], []
    with torch.no_grad():
        for first in range(0, len(pictures), BATCH):
            batch = torch.from_numpy(pictures[first : first + BATCH]).float() / 255.0
            views = [teacher.features(batch), teacher.features(batch.flip(3))]
            features.append(torch.stack(views, dim=1).numpy())
            logits.append(torch.stack([teacher.logits(v) for v in views], dim=1).numpy())
    all_logits = np.concatenate(logits)
    right = int((all_logits[:, 0].argmax(axis=1) == labels).sum())
    notes = {
        "teacher": teacher.notes.get("source", weights.rsplit("/", 1)[-1]),
        "parameters": str(teacher.parameters),
        "accuracy": f"{right / len(labels):.4f} ({right} of {len(labels)})",
    }
    tensors = {
        "features": np.concatenate(features),
        "logits": all_logits,
        "labels": labels.astype(np.float32),
    }
    safetensors_file.write(out, tensors, notes)
    return f"{notes['parameters']} parameters, accuracy on this set {notes['accuracy']}"


def main(words: list[str]) -> int:
    if len(words) != 3:
        print(__doc__, file=sys.stderr)
        return 1
    try:
        print(cache(*words))
    except (OSError, ValueError) as error:
        print(f"teacher_cache: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
