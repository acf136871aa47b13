# SPDX-License-Identifier: GPL-3.0-or-later
"""judge_trainer: cross-entropy with label smoothing (semantic/train/judge_trainer.c).

The first layer is not trained: it holds the leading eigenvectors of the covariance of 3x3
patches, each divided by the root of its eigenvalue, and their negatives (semantic/train/whiten.h).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from . import judge
from .batches import Batches
from .dataset import open_dataset
from .recipe import Recipe
from .train_run import Task

WHITEN_PICTURES, FLOOR_EIGENVALUE, PATCH = 2000, 1e-2, 27


def whitened(pictures: Tensor, filters: int) -> Tensor:
    """[count, 3, 32, 32], normalised -> [filters, 3, 3, 3]."""
    if filters % 2 or not 2 <= filters <= 2 * PATCH:
        raise ValueError(f"judge.widths: the first must be even, 2 .. {2 * PATCH}")
    patches = F.unfold(pictures, 3).double()
    second = (patches @ patches.transpose(1, 2)).mean(0) / patches.shape[2]
    values, vectors = torch.linalg.eigh(second)
    best = vectors[:, -filters // 2 :] / (values[-filters // 2 :] + FLOOR_EIGENVALUE).sqrt()
    best = best.flip(1).t().reshape(-1, 3, 3, 3).float()
    return torch.cat((best, -best))


class JudgeTask(Task):
    kind = "judge"

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        self.recipe, self.device = recipe, device
        self.batches = Batches(recipe, device)
        self.test = open_dataset(recipe["data.test"]) if recipe["data.test"] else None
        torch.manual_seed(recipe["train.seed"])
        self.module = judge.Judge(judge.Shape.from_text(recipe["judge.widths"]))
        self.module.to(device, memory_format=torch.channels_last)
        self.module.stem.weight.requires_grad_(False)
        steps = range(min(-(-WHITEN_PICTURES // recipe["train.batch"]), self.batches.per_epoch))
        pictures = torch.cat([self.batches.fill(step)[0] for step in steps])
        pictures = (pictures - self.module.mean) / self.module.deviation
        self.module.stem.weight.copy_(whitened(pictures, self.module.shape.widths[0]))
        self.accuracy = math.nan

    def notes(self) -> dict[str, str]:
        return self.module.shape.notes()

    def loss(self, step: int) -> Tensor:
        picture, label = self.batches.fill(step)
        logits = self.module(picture.contiguous(memory_format=torch.channels_last))
        self.accuracy = (logits.detach().argmax(1) == label).float().mean()
        return F.cross_entropy(logits, label, label_smoothing=self.recipe["judge.smoothing"])

    def describe(self) -> str:
        return f"accuracy on this batch {float(self.accuracy):.3f}"

    @torch.no_grad()
    def validate(self, final: bool) -> str:
        if self.test is None:
            return ""
        right, count = 0, len(self.test[0])
        for first in range(0, count, 500):
            pixels = torch.tensor(self.test[0][first : first + 500], device=self.device)
            label = torch.tensor(self.test[1][first : first + 500], device=self.device)
            right += int((self.module(pixels.float() / 255.0).argmax(1) == label).sum())
        return f"accuracy {right / count:.4f} ({right} of {count})"
