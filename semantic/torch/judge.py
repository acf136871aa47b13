# SPDX-License-Identifier: GPL-3.0-or-later
"""judge: the twin of semantic/quality/judge_net.c, a small residual network for 32x32 pictures.

    picture 0 .. 1 -> normalised -> SiLU (conv 3x3) -> three stages -> maximum -> 10 logits
    stage:  a = SiLU (norm (max pool (conv 3x3)));  a + SiLU (norm (conv 3x3 (a)))
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import safetensors_file, twin

CLASSES = 10
MEAN = (0.4914, 0.4822, 0.4465)
DEVIATION = (0.247, 0.243, 0.262)


@dataclass(frozen=True)
class Shape:
    """Channels of the first layer and of the three stages."""

    widths: tuple[int, ...] = (24, 48, 128, 192)

    @classmethod
    def from_text(cls, text: str) -> "Shape":
        """"24,48,128,192" -> Shape."""
        words = text.split(",")
        good = len(words) == 4 and all(w.isdigit() and 4 <= int(w) <= 512 for w in words)
        if not good:
            raise ValueError(f'widths "{text}" are not four numbers of 4 .. 512')
        return cls(tuple(int(w) for w in words))

    @classmethod
    def from_notes(cls, notes: dict[str, str]) -> "Shape":
        if notes.get("judge") != "resnet":
            raise ValueError(f'not a judge\'s weights (metadata "judge" is '
                             f'{notes.get("judge", "missing")})')
        return cls.from_text(notes.get("widths", ""))

    def notes(self) -> dict[str, str]:
        return {"judge": "resnet", "widths": ",".join(map(str, self.widths))}


class Stage(nn.Module):
    """[N, inputs, H, W] -> [N, outputs, H/2, W/2]."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = twin.conv(inputs, outputs, 3, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = twin.conv(outputs, outputs, 3, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = F.silu(self.norm1(F.max_pool2d(self.conv1(x), 2)))
        return x + F.silu(self.norm2(self.conv2(x)))


class Judge(nn.Module):
    """Pictures [N, 3, 32, 32], 0 .. 1 -> logits [N, 10]."""

    def __init__(self, shape: Shape = Shape()) -> None:
        super().__init__()
        self.shape = shape
        widths = shape.widths
        self.stem = twin.conv(3, widths[0], 3)
        self.stages = nn.ModuleList(Stage(a, b) for a, b in zip(widths, widths[1:]))
        self.head = twin.linear(widths[-1], CLASSES, gain=0.05)
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION)[:, None, None], persistent=False)

    def forward(self, picture: Tensor) -> Tensor:
        x = F.silu(self.stem((picture - self.mean) / self.deviation))
        for stage in self.stages:
            x = stage(x)
        return self.head(F.adaptive_max_pool2d(x, 1).flatten(1))

    @classmethod
    def load(cls, path: str) -> tuple["Judge", dict[str, str]]:
        """-> the network in a file, in `eval` mode, and the file's notes."""
        tensors, notes = safetensors_file.read(path)
        try:
            judge = cls(Shape.from_notes(notes))
        except ValueError as error:
            raise safetensors_file.FormatError(f"{path}: {error}") from None
        twin.assign(judge, tensors, path)
        return judge.eval(), notes
